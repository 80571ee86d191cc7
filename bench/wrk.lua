-- Driven by environment variables, as wrk gives its arguments to the threads only:
-- BENCH_PLAN   file with one request a line: path, content type and body file, separated by tabs
-- BENCH_RESULT file that the figures are written to, as JSON
-- BENCH_PATIENCE_MS   pause after an answer of 429; 0: the next request goes out at once
local threads = {}
local patience = tonumber(os.getenv("BENCH_PATIENCE_MS") or "0")

function setup(thread)
  table.insert(threads, thread)
end

function init()
  requests, position, statuses, owed = {}, 0, {}, 0
  for line in io.lines(os.getenv("BENCH_PLAN")) do
    local path, contentType, file = line:match("^([^\t]+)\t([^\t]+)\t([^\t]+)$")
    local handle = assert(io.open(file, "rb"))
    local body = handle:read("*a")
    handle:close()
    table.insert(requests, wrk.format("POST", path, { ["Content-Type"] = contentType }, body))
  end
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
  if status == 429 and patience > 0 then owed = owed + 1 end
end

if patience > 0 then
  -- wrk does not say which connection asks; as they are all alike, as many pause as were refused.
  function delay()
    if owed == 0 then return 0 end
    owed = owed - 1
    return patience
  end
end

function done(summary, latency)
  local counts = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do
      counts[status] = (counts[status] or 0) + count
    end
  end
  local parts = {}
  for status, count in pairs(counts) do
    table.insert(parts, string.format('"%d":%d', status, count))
  end
  local errors = summary.errors
  local out = assert(io.open(os.getenv("BENCH_RESULT"), "w"))
  out:write(string.format(
    '{"seconds":%.6f,"bytes":%d,"p50Ms":%.3f,"p95Ms":%.3f,"p99Ms":%.3f,"maxMs":%.3f,"failed":%d,"statuses":{%s}}\n',
    summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(parts, ",")))
  out:close()
end
