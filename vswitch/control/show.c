/* SPDX-License-Identifier: BSD-3-Clause */
#include "vswitch.h"

void
vswitch_show(void)
{
}
