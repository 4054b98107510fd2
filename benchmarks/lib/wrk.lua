-- wrk -s wrk.lua URL -- BODY...: posts the files in turn and prints the counts and the latencies as one line of JSON.
local requests, turn = {}, 0
local PERCENTILES = {50, 75, 90, 95, 99, 99.9}

function init(files)
  wrk.headers["Content-Type"] = "application/json"
  for _, name in ipairs(files) do
    local file = assert(io.open(name, "rb"))
    requests[#requests + 1] = wrk.format("POST", nil, nil, file:read("*a"))
    file:close()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local e, values = summary.errors, {}
  for _, p in ipairs(PERCENTILES) do
    values[#values + 1] = string.format('"%g": %.3f', p, latency:percentile(p) / 1000)
  end
  values[#values + 1] = string.format('"100": %.3f', latency.max / 1000)
  print(string.format(
    'JSON {"requests": %d, "errors": %d, "seconds": %.3f, "percentiles_ms": {%s}}',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6,
    table.concat(values, ", ")))
end
