-- SPDX-License-Identifier: BSD-3-Clause
-- Many flows and frame sizes: addresses, ports and lengths run through ranges.
local common = require "common"

local function range(port)
    local name, other = tostring(port), 1 - port
    local mac = os.getenv("VIRTQ_MAC" .. other) or ("02:00:00:00:00:0" .. (other + 1))
    local own = os.getenv("VIRTQ_MAC" .. port) or ("02:00:00:00:00:0" .. (port + 1))
    pktgen.range.dst_mac(name, "start", mac)
    pktgen.range.src_mac(name, "start", own)
    for what, net in pairs({src_ip = port, dst_ip = other}) do
        local set = pktgen.range[what]
        set(name, "start", string.format("198.18.%d.1", net))
        set(name, "min", string.format("198.18.%d.1", net))
        set(name, "max", string.format("198.18.%d.250", net))
        set(name, "inc", "0.0.0.1")
    end
    for _, what in ipairs({"src_port", "dst_port"}) do
        local set = pktgen.range[what]
        set(name, "start", 1024)
        set(name, "min", 1024)
        set(name, "max", 5119)
        set(name, "inc", what == "src_port" and 1 or 7)
    end
    pktgen.range.ip_proto(name, "udp")
    pktgen.range.pkt_size(name, "start", 64)
    pktgen.range.pkt_size(name, "min", 64)
    pktgen.range.pkt_size(name, "max", 1518)
    pktgen.range.pkt_size(name, "inc", 101)
end

common.main(function()
    range(0)
    range(1)
    pktgen.set_range(common.both, "on")
    local t = common.trial(100, 64, common.SECONDS)
    common.say("range: %.3f Mpps received, %d of %d frames lost", t.mpps, t.lost, t.sent)
    pktgen.set_range(common.both, "off")
end)
