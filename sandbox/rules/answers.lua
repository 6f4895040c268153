-- SPDX-License-Identifier: MIT
--
-- The shapes of answers: the service's envelope, its other error object,
-- and plain pages.

local json = require "json"

local answers = {}

--- JSON of any shape.
function answers.json_text(status, value, headers)
  headers = headers or {}
  headers["Content-Type"] = "application/json"
  return { status = status, body = json.encode(value), headers = headers }
end

local as_json = answers.json_text

--- {code: 0, msg: "success", data}; data is left out when there is none.
function answers.success(data)
  return as_json(200, { code = 0, msg = "success", data = data })
end

--- A business error in the envelope.
function answers.code(code, message, status, data)
  return as_json(status or 200, { code = code, msg = message, data = data })
end

--- The error object of HTTP 400 and its like, which is no envelope.
function answers.bad_request(message, status)
  return as_json(status or 400, { error = status or 400, message = message })
end

--- JSON without an envelope, for the sandbox's own calls.
function answers.json(value, status)
  local answer = as_json(status or 200, value)
  answer.headers["Cache-Control"] = "no-store"
  return answer
end

--- 405, with the methods that are allowed.
function answers.wrong_method(allowed)
  return as_json(405, { code = 405, msg = "method not allowed" },
    { Allow = allowed })
end

--- 404.
function answers.not_found()
  return answers.code(404, "not found", 404)
end

--- Text of a type.
function answers.text(body, content_type)
  return {
    status = 200, body = body,
    headers = {
      ["Content-Type"] = content_type,
      ["X-Content-Type-Options"] = "nosniff",
    },
  }
end

--- A file; the server adds what Range needs.
function answers.file(path, content_type)
  return {
    status = 200, file = path,
    headers = {
      ["Content-Type"] = content_type,
      ["X-Content-Type-Options"] = "nosniff",
    },
  }
end

return answers
