-- SPDX-License-Identifier: MIT

-- The words by which generation v2 names the state of a job, folded to ours:
-- `pending queued processing completed failed deleted`.
--
-- The vendor documents several words for one state, and the live service
-- answers with others. An unknown word means that the job still runs: the
-- opposite would give up a job that is paid for.

local status_words = {}

local WORDS = {
  completed = "completed", success = "completed", succeeded = "completed",
  failed = "failed", fail = "failed", error = "failed",
  cancelled = "failed", canceled = "failed",
  deleted = "deleted",
  pending = "pending", queued = "queued",
}

-- The states after which nothing changes any more.
status_words.FINAL = { completed = true, failed = true, deleted = true }

-- Folds a word of the service, in upper or lower case. An unknown word becomes
-- `processing`.
function status_words.fold(word)
  return type(word) == "string" and WORDS[word:lower()] or "processing"
end

return status_words
