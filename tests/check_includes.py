#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rules of the tree that a compiler does not hold, as TAP; --list prints the findings only.

The arrows between components (who may include whose headers), licence lines, file sizes, no path
of a machine, no CPU of a machine, no unfinished-work words. Every rule is first tried on snippets
that break it: a rule that no longer bites is a failure, too.
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What lib/ring may see of DPDK: EAL headers that neither allocate nor do input or output.
EAL = {f'rte_{n}.h' for n in (
    'atomic bitops branch_prediction byteorder common compat config cpuflags cycles debug errno '
    'log memcpy pause per_lcore prefetch spinlock vect').split()}
DRIVER = re.compile(r'(ethdev_(driver|vdev|pci)|bus_(vdev_|pci_)?driver|dev_driver|\w+_driver)\.h$')
ALLOC_IO = re.compile(r'(malloc|stdlib|stdio|unistd|fcntl|poll|sys/.*)\.h$')
# All that lib/spec needs of a compiler; stddef.h is for offsetof() in its assertions.
SPEC_OK = {'stdint.h', 'stddef.h', 'assert.h', 'rte_byteorder.h'}

# Sources above MAX_LINES, each with the reason why it may be; an entry without need is a failure.
MAX_LINES = 500
LONG_FILES = {}

SOURCE = re.compile(r'\.(c|h|py|sh|build|ya?ml)$|(^|/)(meson_options\.txt|run|\.clang-[a-z]+|\.editorconfig)$')
COUNTED = re.compile(r'\.(c|h|py|sh)$')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.M)
# Written in pieces, so that this file does not break its own rules.
MACHINE = re.compile(r'(?<![\w.$}/-])/(?:' + 'work|' + 'root|' + r'home/\w+|' + r'Users/\w+' + r')(?=[/\s"\':;,)]|$)')
NATIVE = '-march=' + 'native'
UNFINISHED = re.compile(r'\b(?:' + '|'.join(('TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK')) + r')\b')


def component(path):
    """Where a file stands in the order of components."""
    for name in ('lib/spec', 'lib/ring', 'lib/net', 'pmd', 'vswitch', 'apps', 'tests/support',
                 'tests', 'perf'):
        if path.startswith(name + '/'):
            return name
    return ''


def resolve(name, path, tree):
    """The file of this project that an include means, or None: a system header."""
    here = os.path.normpath(os.path.join(os.path.dirname(path), name))
    roots = ['lib', '', 'pmd', 'vswitch', 'tests', 'tests/support', 'perf']
    for cand in [here] + [os.path.normpath(os.path.join(r, name)) for r in roots]:
        if cand in tree:
            return cand
    return None


PROJECT_OK = {      # component -> components whose headers it may include
    'lib/spec': {'lib/spec'},
    'lib/ring': {'lib/ring', 'lib/spec'},
    'lib/net': {'lib/net', 'lib/ring', 'lib/spec'},
    'pmd': {'pmd', 'lib/net', 'lib/ring', 'lib/spec'},
    'vswitch': {'vswitch', 'lib/net', 'lib/ring', 'lib/spec'},
    'apps': {'apps', 'vswitch'},
}


def system_fault(comp, name):
    """Why component comp may not include the system header, or None."""
    vhost = name.startswith(('rte_vhost', 'rte_vdpa')) or name == 'vdpa_driver.h'
    if comp == 'lib/spec' and name not in SPEC_OK:
        return 'lib/spec is the standard alone: ' + ', '.join(sorted(SPEC_OK))
    if comp == 'lib/ring':
        if (name.startswith('rte_') and name not in EAL) or DRIVER.search(name):
            return 'lib/ring knows EAL basics only: no mbuf, ethdev or vhost'
        if ALLOC_IO.match(name):
            return 'lib/ring neither allocates nor does input or output'
    if comp == 'lib/net' and (vhost or DRIVER.search(name) or name.startswith('rte_bus')
                              or (name.startswith('rte_ethdev') or name == 'rte_eth_ctrl.h')):
        return 'lib/net knows mbufs and protocol headers, neither ethdev nor vhost'
    if comp == 'pmd' and vhost:
        return 'only vswitch knows rte_vhost'
    if comp in ('vswitch', 'apps') and DRIVER.search(name) and name != 'vdpa_driver.h':
        return 'only pmd knows the driver headers'
    if comp == 'apps' and vhost:
        return 'apps use vswitch.h, not rte_vhost'
    return None


def project_fault(comp, path, target):
    """Why component comp may not include the project's file target, or None."""
    if not target.endswith('.h'):
        return 'only headers are included'
    other = component(target)
    if comp in PROJECT_OK and other not in PROJECT_OK[comp]:
        return f'{comp} must not depend on {other or "the top directory"}'
    if comp == 'apps' and other == 'vswitch' and target != 'vswitch/vswitch.h':
        return 'apps use the public header vswitch/vswitch.h only'
    if comp == 'tests/support' and os.path.basename(path).startswith('fake_'):
        if other not in ('lib/spec', 'tests/support'):
            return 'a fake peer shares nothing but lib/spec with what it tests'
    return None


def check_includes(tree):
    for path, text in sorted(tree.items()):
        comp = component(path)
        if not comp or not path.endswith(('.c', '.h')):
            continue
        for m in INCLUDE.finditer(text):
            name = m.group(1) or m.group(2)
            target = resolve(name, path, tree)
            if target:
                why = project_fault(comp, path, target)
            elif m.group(1):
                why = 'is no file of this project; system headers go in <>'
            else:
                why = system_fault(comp, name)
            if why:
                line = text.count('\n', 0, m.start()) + 1
                yield f'{path}:{line}: includes {name}: {why}'


def check_licence(tree):
    for path, text in sorted(tree.items()):
        if SOURCE.search(path):
            head = '\n'.join(text.split('\n', 3)[:3])
            if 'SPDX-License-Identifier: BSD-3-Clause' not in head:
                yield f'{path}:1: no "SPDX-License-Identifier: BSD-3-Clause" in the first three lines'


def check_length(tree, allowed=None):
    allowed = LONG_FILES if allowed is None else allowed
    for path, text in sorted(tree.items()):
        if COUNTED.search(path):
            lines = text.count('\n')
            if lines > MAX_LINES and not allowed.get(path):
                yield f'{path}: {lines} lines, {MAX_LINES} are a design question: split it'
            if lines <= MAX_LINES and path in allowed:
                yield f'{path}: {lines} lines, needs no entry in LONG_FILES any more'
    for path in sorted(set(allowed) - set(tree)):
        yield f'{path}: in LONG_FILES, but does not exist'


def lines_with(tree, wanted, matches, why):
    for path, text in sorted(tree.items()):
        if wanted(path):
            for nr, line in enumerate(text.split('\n'), 1):
                if matches(line):
                    yield f'{path}:{nr}: {why}: {line.strip()[:80]}'


def code(path):
    return bool(SOURCE.search(path))


def check_machine(tree):
    return lines_with(tree, lambda p: True, MACHINE.search, 'path of a machine')


def check_native(tree):
    return lines_with(tree, code, lambda s: NATIVE in s, 'one binary runs everywhere, no ' + NATIVE)


def check_unfinished(tree):
    return lines_with(tree, code, UNFINISHED.search, 'unfinished work belongs in an issue')


RULES = (
    ('include arrows point down', check_includes),
    ('every source has its licence line', check_licence),
    (f'no source above {MAX_LINES} lines without a reason', check_length),
    ('no path of a machine', check_machine),
    ('no CPU of a machine', check_native),
    ('no unfinished-work words', check_unfinished),
)

SPDX = '/* SPDX-License-Identifier: BSD-3-Clause */\n'
# Trees that must be refused: (what, rule, {path: text}), and one that must pass.
BAD = (
    ('spec includes libc beyond stdint', check_includes, {'lib/spec/a.h': '#include <stdlib.h>'}),
    ('spec includes ring', check_includes,
     {'lib/spec/a.h': '#include "ring/b.h"', 'lib/ring/b.h': ''}),
    ('ring includes mbuf', check_includes, {'lib/ring/a.c': '#include <rte_mbuf.h>'}),
    ('ring allocates', check_includes, {'lib/ring/a.c': ' # include <stdlib.h>'}),
    ('ring includes net', check_includes,
     {'lib/ring/a.c': '#include "net/b.h"', 'lib/net/b.h': ''}),
    ('ring includes net in angle brackets', check_includes,
     {'lib/ring/a.c': '#include <net/b.h>', 'lib/net/b.h': ''}),
    ('net includes ethdev', check_includes, {'lib/net/a.c': '#include <rte_ethdev.h>'}),
    ('net includes pmd', check_includes,
     {'lib/net/a.c': '#include "pmd_queue.h"', 'pmd/pmd_queue.h': ''}),
    ('pmd includes rte_vhost', check_includes, {'pmd/a.c': '#include <rte_vhost.h>'}),
    ('pmd includes vswitch', check_includes,
     {'pmd/a.c': '#include "../vswitch/port.h"', 'vswitch/port.h': ''}),
    ('vswitch includes pmd', check_includes,
     {'vswitch/datapath/a.c': '#include "pmd_queue.h"', 'pmd/pmd_queue.h': ''}),
    ('vswitch includes a driver header', check_includes,
     {'vswitch/control/a.c': '#include <ethdev_driver.h>'}),
    ('vswitch includes a source', check_includes,
     {'vswitch/datapath/a.c': '#include "control/b.c"', 'vswitch/control/b.c': ''}),
    ('apps include an internal header', check_includes,
     {'apps/a.c': '#include "datapath/fdb.h"', 'vswitch/datapath/fdb.h': ''}),
    ('apps include lib', check_includes,
     {'apps/a.c': '#include "ring/virtq.h"', 'lib/ring/virtq.h': ''}),
    ('a fake peer includes the ring library', check_includes,
     {'tests/support/fake_device.c': '#include "ring/virtq.h"', 'lib/ring/virtq.h': ''}),
    ('a system header in quotes', check_includes, {'pmd/a.c': '#include "rte_mbuf.h"'}),
    ('no licence', check_licence, {'pmd/a.c': 'int a;\n'}),
    ('another licence', check_licence,
     {'pmd/a.c': SPDX.replace('BSD-3-Clause', 'GPL-2.0')}),
    ('501 lines', check_length, {'pmd/a.c': '\n' * (MAX_LINES + 1)}),
    ('a home directory', check_machine, {'doc/a.md': 'see /' + 'home/me/virtq'}),
    ("root's directory", check_machine, {'tests/a.sh': 'cp x "/' + 'root/x"'}),
    ('native code', check_native, {'lib/meson.build': "'" + NATIVE + "'"}),
    ('unfinished work', check_unfinished, {'pmd/a.c': '/* ' + 'TO' + 'DO: later */'}),
)
GOOD = {
    'lib/spec/a.h': SPDX + '#include <stdint.h>\n',
    'lib/ring/b.h': SPDX + '#include "spec/a.h"\n#include <rte_common.h>\n#include <string.h>\n',
    'lib/net/c.h': SPDX + '#include "ring/b.h"\n#include <rte_mbuf.h>\n#include <rte_ether.h>\n',
    'pmd/pmd_queue.h': SPDX + '#include "net/c.h"\n#include <ethdev_driver.h>\n',
    'vswitch/vswitch.h': SPDX + '#include <stdbool.h>\n',
    'vswitch/datapath/fdb.h': SPDX + '#include "vswitch.h"\n',
    'vswitch/control/p.c': SPDX + '#include "datapath/fdb.h"\n#include <rte_vhost.h>\n',
    'apps/main.c': SPDX + '#include "vswitch.h"\n#include <rte_eal.h>\n#include <stdio.h>\n',
    'tests/support/fake_driver.c': SPDX + '#include "spec/a.h"\n#include <stdlib.h>\n',
    'doc/a.md': 'run it in $HOME/work, see tests/home/x and https://x.org/work\n',
}


def read_tree():
    """path -> text of every text file of the checkout that git does not ignore."""
    try:
        names = subprocess.run(
            ['git', '-C', TOP, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
            check=True, capture_output=True).stdout.decode().split('\0')
    except (OSError, subprocess.CalledProcessError):
        names = []      # an unpacked archive, or not our checkout: everything but what is built
        for where, dirs, files in os.walk(TOP):
            dirs[:] = [d for d in dirs if d not in ('.git', '.cache', '__pycache__')
                       and not (where == TOP and d.startswith('build'))]
            names += [os.path.relpath(os.path.join(where, f), TOP) for f in files]
    tree = {}
    for name in filter(None, names):
        full = os.path.join(TOP, name)
        if os.path.islink(full) or not os.path.isfile(full):
            continue
        with open(full, 'rb') as f:
            data = f.read()
        if b'\0' not in data[:8192]:
            tree[name] = data.decode('utf-8', 'replace')
    return tree


def main():
    tree = read_tree()
    results = [(what, list(rule(tree))) for what, rule in RULES]
    if '--list' in sys.argv[1:]:
        for _, findings in results:
            for f in findings:
                print(f)
        return any(f for _, f in results)
    # A tree without its sources would pass every rule.
    results.append(('the tree was read', [] if 'lib/spec/virtq_spec.h' in tree
                    else [f'lib/spec/virtq_spec.h is not among {len(tree)} files']))
    for what, rule, bad in BAD:
        results.append(('refused: ' + what, [] if list(rule(bad)) else ['the rule let it pass']))
    results.append(('refused: a stale entry of LONG_FILES',
                    [] if list(check_length({'a.c': ''}, {'a.c': 'was long'}))
                    else ['the rule let it pass']))
    results.append(('a tree that keeps the rules passes',
                    [f for _, rule in RULES if rule is not check_length for f in rule(GOOD)]))
    print(f'1..{len(results)}')
    for nr, (what, findings) in enumerate(results, 1):
        print(f'{"not ok" if findings else "ok"} {nr} - {what}')
        for f in findings:
            print('# ' + f)
    return any(f for _, f in results)


if __name__ == '__main__':
    sys.exit(1 if main() else 0)
