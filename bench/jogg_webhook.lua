-- SPDX-License-Identifier: MIT
-- What it costs to verify a webhook of 10 kB.
--   jogg_webhook.lua verify|hash
-- `hash`: the HMAC alone. The bodies differ, as deliveries do. Prints lines
-- "name value": microseconds of one.

local core = require "jogg.core"
local meter = require "bench_meter"
local webhook = require "jogg.webhook"

local BYTES, BODIES, COUNT = 10000, 64, 50000
local SECRET = "whsec_0123456789abcdef0123456789abcdef"

local bodies, signatures = {}, {}
for i = 1, BODIES do
  local head = ('{"event":"generated_video_success","timestamp":%d,"data":"')
    :format(1732806631 + i)
  bodies[i] = head .. ("x"):rep(BYTES - #head - 2) .. '"}'
  signatures[i] = webhook.sign(bodies[i], SECRET)
end

local calls = {}

function calls.verify(i)
  assert(webhook.verify(bodies[i], signatures[i], SECRET))
end

function calls.hash(i)
  assert(core.hmac_sha256(SECRET, bodies[i]))
end

local call, cpu = calls[...], meter.cpu()
for i = 1, COUNT do
  call(i % BODIES + 1)
end
print("cpu", (meter.cpu() - cpu) / COUNT * 1e6)
