-- SPDX-License-Identifier: BSD-3-Clause
-- As many frames as the ports take, both directions together, by frame size.
local common = require "common"

common.main(function()
    for _, size in ipairs({64, 128, 256, 512, 1024, 1280, 1518}) do
        local t = common.trial(100, size, common.SECONDS)
        common.say("throughput: %4d bytes: %.3f Mpps received, %d of %d frames lost", size, t.mpps,
                   t.lost, t.sent)
    end
end)
