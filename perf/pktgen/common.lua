-- SPDX-License-Identifier: BSD-3-Clause
-- What the scripts for Pktgen-DPDK 23.06 share. run.sh starts them, with two ports on one switch.
--
-- Achieved rates are counted at the ports: a rate in percent of the link speed is only a wish.

local common = {}

local out = assert(io.open(os.getenv("VIRTQ_OUT") or "/dev/stdout", "a"))
local macs = {[0] = os.getenv("VIRTQ_MAC0") or "02:00:00:00:00:01",
              [1] = os.getenv("VIRTQ_MAC1") or "02:00:00:00:00:02"}
-- Statistics are read once a second.
local SETTLE_MS = 2500

common.both = "0,1"
common.SECONDS = tonumber(os.getenv("VIRTQ_SECONDS") or "3")

function common.say(...)
    out:write(string.format(...), "\n")
    out:flush()
end

-- Each port sends to the other one; the switch learns where they are.
function common.setup()
    pktgen.screen("off")
    pktgen.stop("all")
    for port = 0, 1 do
        local name = tostring(port)
        pktgen.set_mac(name, "dst", macs[1 - port])
        pktgen.set_ipaddr(name, "src", string.format("198.18.%d.1/24", port))
        pktgen.set_ipaddr(name, "dst", string.format("198.18.%d.1", 1 - port))
        pktgen.set_proto(name, "udp")
        pktgen.set(name, "count", 0)
    end
    common.trial(1, 64, 0.2)
end

-- size: with the frame check sequence, as pktgen counts. Both directions together.
function common.trial(percent, size, seconds)
    pktgen.set(common.both, "rate", percent)
    pktgen.set(common.both, "size", size)
    pktgen.clr()
    pktgen.delay(100)
    pktgen.start(common.both)
    pktgen.delay(math.floor(seconds * 1000))
    pktgen.stop(common.both)
    pktgen.delay(SETTLE_MS)
    local stats = pktgen.portStats(common.both, "port")
    local sent = stats[0].opackets + stats[1].opackets
    local received = stats[0].ipackets + stats[1].ipackets
    return {sent = sent, received = received, lost = sent - received,
            mpps = received / seconds / 1e6}
end

-- The highest rate, of which a script takes shares; without traffic they would mean nothing.
function common.maximum(size)
    local top = common.trial(100, size, common.SECONDS)
    if top.received < 1000 then
        error(string.format("%d of %d frames of %d bytes arrived: no rate to take a share of", top.received,
                            top.sent, size))
    end
    return top
end

-- Run the steps of a script, say what went wrong, and end pktgen in any case.
function common.main(steps)
    local ok, why = pcall(function()
        common.setup()
        steps()
    end)
    if not ok then
        common.say("failed: %s", tostring(why))
    end
    out:close()
    pktgen.stop("all")
    pktgen.quit()
end

return common
