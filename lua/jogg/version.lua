-- SPDX-License-Identifier: MIT

--- The one place a version is written.
-- @module jogg.version

return "0.1.0"
