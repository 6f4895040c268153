-- SPDX-License-Identifier: MIT

-- The prices of calls, estimated by the vendor's price list, for the option
-- `max_credits`.

local errors = require "jogg.error"

local ROUNDING = 1e-6 -- credits: sums of tenths are not exact

local budget = {}

local function at(fields, path)
  for name in path:gmatch "[^.]+" do
    fields = type(fields) == "table" and fields[name] or nil
  end
  return fields
end

-- The estimated price of a call in credits.
function budget.price(operation, fields)
  local credits = operation.credits
  if not credits then
    return 0
  end
  local amount = credits.amounts and credits.amounts[fields[credits.by]] or
    credits.amount
  local seconds = credits.length and tonumber(at(fields, credits.length))
  if credits.per and seconds then
    amount = amount * math.max(1, math.ceil(seconds / credits.per))
  end
  local each = credits.each and fields[credits.each]
  return amount * (credits.times or 1) *
    (type(each) == "table" and #each or tonumber(each) or 1)
end

-- Reserves credits for a call. Returns how many; nil and an error of kind
-- `credit` if the client may not spend so many.
function budget.reserve(client, operation, fields)
  local limit, price = client.settings.max_credits,
    budget.price(operation, fields)
  if limit and client.spent + price > limit + ROUNDING then
    return nil, errors.new {
      kind = "credit", reason = "max_credits", outcome = "not_sent",
      phase = operation.name,
      message = ("this call may cost %g credits, and %g of max_credits = %g " ..
        "may be spent already"):format(price, client.spent, limit),
      advice = "raise max_credits, or use another client",
    }
  end
  client.spent = client.spent + price
  return price
end

-- Ends a reservation of a call that was not paid for.
function budget.give_back(client, credits)
  client.spent = client.spent - credits
end

return budget
