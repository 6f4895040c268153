-- SPDX-License-Identifier: MIT
--
-- Quirks: what the sandbox does differently where the documents of the v2
-- generation contradict each other, or the live service was seen to behave
-- otherwise. With all of them off it follows the vendor's machine-readable
-- file.

local quirks = {}

--- name -> what it changes
quirks.KNOWN = {
  success_fail = "states of videos are success and fail",
  product_video_id = "product videos: product_video_id, not video_id, status",
  guide_fields = "states of videos also have id, duration, error",
  flat_template = "the state of a template video is flat, with video_url",
  preview_details = "previews come with preview_list_id and status",
  preview_ids = "the list of previews has other ids than preview_id",
  ignore_override_script = "override_script is accepted and not spoken",
  optional_voice_audio = "voice and audio of product videos may be left out",
  any_catalog_ids = "avatars, voices, music, styles, templates: any id goes",
  whole_lists = "lists come whole, whatever page and page_size say",
  repeated_items = "each page of a list repeats the last item before it",
  late_files = "a new file is not found the first two times",
  http_errors = "refusals have HTTP 400, 401, 402, 403, 404, 500",
  error_message = "refusals have message, not msg",
  null_data = "refusals have data null",
  empty_rid = "rid is empty",
  retry_header = "429: the header Retry-After, in seconds",
  retry_date = "429: the header Retry-After, as a date",
  retry_top = "429: retryAfter beside code",
  retry_snake = "429: retry_after beside code",
  retry_none = "429: without the seconds to wait",
  retry_200 = "429: only as code, with HTTP 200",
  poll_limit = "GETs of one state within 5 s of real time are refused with 429",
  rate_headers = "X-RateLimit-Reset and -Type as well",
  zero_quota = "remaining_quota is always 0",
  no_webhooks = "the webhook calls are not found",
  bare_endpoint = "POST /v2/endpoint answers without the envelope",
  all_events = "GET /v2/events also lists image and motion events",
  webhook_project_id = "events of videos have project_id, not video_id",
  repeat_events = "each event is delivered twice",
  signed_callbacks = "calls to webhook_url are signed, as an endpoint's are",
  text_scripts = "script_paragraphs is a string",
  slash_redirect = "POST /v2/video_translate is redirected, not unknown",
  lip_sync_lookup = "GET /v2/lip_sync_video finds the latest like task",
}

local on = {}

--- Whether a quirk is on.
function quirks.is_on(name)
  return on[name] == true
end

--- Reads names separated by commas.
-- @treturn[1] {string,...}
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function quirks.parse(text)
  local names = {}
  for name in text:gmatch "[^,]+" do
    if not quirks.KNOWN[name] then return nil, name .. " is no quirk" end
    names[#names + 1] = name
  end
  if #names == 0 then return nil, "names of quirks are expected" end
  return names
end

--- Switches on these and no others.
function quirks.set(names)
  on = {}
  for _, name in ipairs(names) do on[name] = true end
end

--- The names of those that are on, in alphabetical order.
function quirks.list()
  local names = {}
  for name in pairs(on) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return quirks
