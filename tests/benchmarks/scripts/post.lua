-- The requests that wrk sends, one body each, and what it prints at the end.
--
-- wrk ... -s post.lua URL -- KIND RUN START ENTITIES
--   KIND      events | evaluate | empty
--   RUN       text that makes the idempotency keys of this call differ from every other's
--   START     number of the first request, so that a call may continue another
--   ENTITIES  how many different userExternalIds take turns
-- The API key comes in BENCHMARK_API_KEY: a command line is there for everyone to read.
--
-- wrk ... -s post.lua URL -- prepared FILE
--   FILE      what to send, a line each, one after the other and then again from the first: method,
--             path, Idempotency-Key, userUid, agentUid and body, with tabs between them

local kind, run, entities
local number = 0
local headers = { ["Content-Type"] = "application/json" }
local second, occurred_at = 0, ""

local function now()
  -- Formatted once a second: wrk must not spend the server's processor on dates.
  local time = os.time()
  if time ~= second then
    second = time
    occurred_at = os.date("!%Y-%m-%dT%H:%M:%S.000Z", time)
  end
  return occurred_at
end

local bodies = {
  events = function(entity)
    headers["Idempotency-Key"] = run .. "-" .. number
    return '{"userExternalId":"employee-' .. entity .. '","eventType":"transaction.completed"'
      .. ',"occurredAt":"' .. now() .. '"}'
  end,
  evaluate = function(entity)
    return '{"actor":{"type":"human","id":"employee-' .. entity .. '"},"action":"data.export_pii"}'
  end,
  empty = function()
    return "{}"
  end,
}

local prepared = {}

local function prepare(path)
  for line in io.lines(path) do
    local method, where, key, user, agent, body =
      line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local sent = { ["userUid"] = user, ["Idempotency-Key"] = key ~= "" and key or nil }
    sent["agentUid"] = agent ~= "" and agent or nil
    sent["Content-Type"] = body ~= "" and "application/json" or nil
    prepared[#prepared + 1] = wrk.format(method, where, sent, body)
  end
end

function init(arguments)
  kind, run = arguments[1], arguments[2]
  if kind == "prepared" then
    prepare(run)
    return
  end
  number, entities = tonumber(arguments[3]), tonumber(arguments[4])
  headers["x-api-key"] = os.getenv("BENCHMARK_API_KEY")
end

function request()
  number = number + 1
  if kind == "prepared" then
    return prepared[(number - 1) % #prepared + 1]
  end
  local body = bodies[kind](number % entities)
  return wrk.format("POST", nil, headers, body)
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_microseconds":%d,"p50_microseconds":%d,"p99_microseconds":%d,'
      .. '"bad_statuses":%d,"broken_connections":%d,"timeouts":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
