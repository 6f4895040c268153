-- SPDX-License-Identifier: MIT
-- A program (LUA54 certificates.lua FOLDER) that writes into a folder what the
-- TLS fault servers need: two authorities (ca.pem is the one clients trust,
-- other_ca.pem the one they do not) and a chain and key for each kind of
-- server in KINDS. Elliptic keys, so that it takes milliseconds. Valid for a
-- day at most: nothing made here is of use elsewhere.

local altname = require "openssl.x509.altname"
local bignum = require "openssl.bignum"
local distinguished = require "openssl.x509.name"
local pkey = require "openssl.pkey"
local x509 = require "openssl.x509"

local DAY = 86400
local LOCAL_NAMES = { { "DNS", "localhost" }, { "IP", "127.0.0.1" } }

local KINDS = {
  good = { signer = "ca", names = LOCAL_NAMES },
  other = { signer = "other_ca", names = LOCAL_NAMES },
  wrong_name = { signer = "ca", names = { { "DNS", "wrong.example" } } },
  expired = { signer = "ca", names = LOCAL_NAMES, from = -2, to = -1 },
  not_yet = { signer = "ca", names = LOCAL_NAMES, from = 1, to = 2 },
  self_signed = { names = LOCAL_NAMES },
}

local serial = os.time()

local function new_key()
  return pkey.new { type = "EC", curve = "prime256v1" }
end

local function new_certificate(title, key, from, to)
  serial = serial + 1
  local certificate = x509.new()
  local name = distinguished.new():add("CN", title)
  certificate:setVersion(3)
  certificate:setSerial(bignum.new(serial))
  certificate:setSubject(name)
  certificate:setIssuer(name)
  certificate:setPublicKey(key)
  local now = os.time()
  certificate:setLifetime(now + from * DAY, now + to * DAY)
  return certificate
end

local function new_authority(title)
  local key = new_key()
  local certificate = new_certificate(title, key, -1, 1)
  certificate:setBasicConstraints { CA = true, pathLen = 0 }
  certificate:setBasicConstraintsCritical(true)
  certificate:sign(key, "sha256")
  return { certificate = certificate, key = key }
end

local function new_server(kind, authority)
  local key = new_key()
  local certificate = new_certificate(kind.names[1][2], key, kind.from or -1,
    kind.to or 1)
  local alternatives = altname.new()
  for _, pair in ipairs(kind.names) do alternatives:add(pair[1], pair[2]) end
  certificate:setSubjectAlt(alternatives)
  if authority then
    certificate:setIssuer(authority.certificate:getSubject())
  end
  certificate:sign(authority and authority.key or key, "sha256")
  return certificate, key
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local folder = assert(arg[1], "usage: certificates.lua FOLDER")
local authorities = {
  ca = new_authority "jogg specs, trusted",
  other_ca = new_authority "jogg specs, not trusted",
}
for name, authority in pairs(authorities) do
  write(folder .. "/" .. name .. ".pem", authority.certificate:toPEM())
end
for name, kind in pairs(KINDS) do
  local certificate, key = new_server(kind, authorities[kind.signer])
  write(folder .. "/" .. name .. ".crt", certificate:toPEM())
  write(folder .. "/" .. name .. ".key", key:toPEM "private")
end
