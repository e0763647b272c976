-- Makes wrk send the requests of a file in turn. Each line holds method, path and body, separated by tabs. Writes the
-- result as JSON.
local requests, at = {}, 0

function init(arguments)
  math.randomseed(os.time())
  for line in io.lines(arguments[1]) do
    local method, path, body = line:match('^(%u+)\t([^\t]+)\t(.*)$')
    local headers = { Authorization = 'Bearer ' .. arguments[2] }
    if body ~= '' then headers['Content-Type'] = 'application/json' else body = nil end
    -- 36 zeros stand for a new id of the same length, so that Content-Length stays right
    local before, after = wrk.format(method, path, headers, body):match('^(.*)' .. ('0'):rep(36) .. '(.*)$')
    requests[#requests + 1] = before and { before, after } or wrk.format(method, path, headers, body)
  end
end

function request()
  at = at % #requests + 1
  local one = requests[at]
  if type(one) == 'string' then return one end
  local random = math.random
  local id = ('%08x-%04x-4%03x-8%03x-%012x'):format(
    random(0, 2 ^ 32 - 1), random(0, 2 ^ 16 - 1), random(0, 2 ^ 12 - 1), random(0, 2 ^ 12 - 1), random(0, 2 ^ 48 - 1)
  )
  return one[1] .. id .. one[2]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(('{"seconds":%.6f,"requests":%d,"p50":%.3f,"p99":%.3f,"errors":%d}\n'):format(
    summary.duration / 1e6,
    summary.requests,
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
