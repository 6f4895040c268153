-- SPDX-License-Identifier: MIT
-- luacheck: globals love

function love.conf(t)
  t.identity = "jogg-example"
  t.version = "11.4"
  t.window.title = "jogg: eight videos and a landscape"
  t.window.width = 1280
  t.window.height = 720
  t.window.vsync = 1
  t.modules.audio = false
  t.modules.joystick = false
  t.modules.physics = false
  t.modules.sound = false
  t.modules.video = false
end
