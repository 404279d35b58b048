-- SPDX-License-Identifier: BSD-3-Clause
-- Latency as pktgen measures it, at 10 and 80 % of the highest rate. It has minimum, mean and maximum;
-- for percentiles see perf/run.sh --part latency.
local common = require "common"

common.main(function()
    for _, size in ipairs({128, 1518}) do
        local top = common.maximum(size)
        local link = tonumber(os.getenv("VIRTQ_SPEED") or "40000") * 1e6 / ((size + 20) * 8) / 1e6
        for _, share in ipairs({10, 80}) do
            pktgen.latency(common.both, "enable")
            local t = common.trial(share * top.mpps / 2 / link, size, common.SECONDS)
            local stats = pktgen.pktStats(common.both)
            pktgen.latency(common.both, "disable")
            for port = 0, 1 do
                local l = stats[port].latency
                common.say("latency: %4d bytes, %d %% (%.3f Mpps), port %d: %.2f min, %.2f mean, %.2f max us, " ..
                           "%d frames", size, share, t.mpps, port, l.min_us, l.avg_us, l.max_us, l.num_pkts)
            end
        end
    end
end)
