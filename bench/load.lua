-- The load of the benchmark, for wrk: chat requests of which no two are alike.
--
--   wrk -t1 -c8 -d5s --latency -s bench/load.lua http://HOST:PORT -- FOLDER COUNT FIRST
--
-- FOLDER holds the bodies 0.json to (COUNT - 1).json, which take turns. Each has the mark @SERIAL@ twice: in its "user"
-- and in the last message of the user. There every request gets words of its own, counted from number FIRST on, so
-- that no cache of whatever kind can answer twice. Words, and not digits, because a tokenizer makes one token of a word.
-- Run it with one thread: threads would count the same numbers.

local WORDS = {
   "river", "paper", "cloud", "seven", "garden", "window", "silver", "winter", "market", "bridge", "orange", "people",
   "summer", "letter", "animal", "button", "castle", "doctor", "engine", "family", "guitar", "hammer", "island", "jacket",
   "kitchen", "lemon", "mirror", "number", "office", "pencil", "queen", "rabbit", "school", "table", "uncle", "valley",
   "water", "yellow", "zebra", "apple", "bottle", "candle", "desert", "eagle", "forest", "glass", "house", "iron",
   "jungle", "king", "ladder", "mountain", "night", "ocean", "piano", "road", "stone", "tower", "village", "wall",
   "brother", "circle", "dinner", "earth",
}
local MARK = "@SERIAL@"
local HEAD = "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "

local bodies, number = {}, 0

local function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   local from, to = text:find(MARK, 1, true)
   local from2, to2 = text:find(MARK, to + 1, true)
   local head, middle, tail = text:sub(1, from - 1), text:sub(to + 1, from2 - 1), text:sub(to2 + 1)
   return { head = head, middle = middle, tail = tail, size = #head + #middle + #tail }
end

-- Five words, the digits of the number to the base of 64: over a thousand million before they repeat.
local function serial(n)
   local words = {}
   for i = 1, 5 do
      words[i] = WORDS[n % #WORDS + 1]
      n = math.floor(n / #WORDS)
   end
   return table.concat(words, " ")
end

function init(args)
   for i = 0, tonumber(args[2]) - 1 do
      bodies[#bodies + 1] = read(args[1] .. "/" .. i .. ".json")
   end
   number = tonumber(args[3])
end

function request()
   local body = bodies[number % #bodies + 1]
   local words = serial(number)
   number = number + 1
   return HEAD .. body.size + 2 * #words .. "\r\n\r\n" .. body.head .. words .. body.middle .. words .. body.tail
end

-- One line of JSON, for the program that started wrk; times are in microseconds.
function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '{"requests":%d,"duration_us":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,"errors":%d,"bad_status":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99),
      latency.max, errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
