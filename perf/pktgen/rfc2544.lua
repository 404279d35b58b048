-- SPDX-License-Identifier: BSD-3-Clause
-- RFC 2544, 26.1, with no loss at all: the highest rate at which every frame arrives, both directions
-- together. A trial that loses is repeated once; the result is confirmed by a longer one.
local common = require "common"

local STEPS = 8
local CONFIRM = 4       -- times the length of a trial

local function passes(percent, size, seconds)
    for _ = 1, 2 do
        local t = common.trial(percent, size, seconds)
        common.say("rfc2544: %4d bytes, %.3f %%: %.3f Mpps, %d of %d lost", size, percent, t.mpps, t.lost,
                   t.sent)
        if t.lost == 0 and t.sent > 0 then
            return t
        end
    end
    return nil
end

local function search(size)
    -- Beyond what the ports take, a higher percentage changes nothing.
    local top = common.maximum(size)
    local link = tonumber(os.getenv("VIRTQ_SPEED") or "40000") * 1e6 / ((size + 20) * 8) / 1e6
    local high = math.min(100, 110 * top.mpps / 2 / link)
    local low, best = 0, nil
    for _ = 1, STEPS do
        local middle = (low + high) / 2
        if passes(middle, size, common.SECONDS) then
            low = middle
        else
            high = middle
        end
    end
    while low > 0.01 and best == nil do
        best = passes(low, size, CONFIRM * common.SECONDS)
        low = low * 0.9
    end
    common.say("rfc2544: %4d bytes: zero loss at %.3f Mpps, maximum %.3f Mpps", size, best and best.mpps or 0,
               top.mpps)
end

common.main(function()
    for _, size in ipairs({64, 1518}) do
        search(size)
    end
end)
