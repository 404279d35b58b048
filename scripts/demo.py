#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The running part of apps/demo.sh: virtq-switch, testpmd with two ports on it, a verdict.

testpmd sends a window of packets out of both ports and forwards from then on whatever comes in
("io"): each packet circles through the switch for ever, always entering by the port where its
source address lives. A packet that is lost is missing from its window, so at the end every packet
that a port sent was received by the other one, or dropped by the switch under a named reason, or is
an unexplained loss.
"""
import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

PORTS = ('left', 'right')
MACS = ('02:00:00:00:00:01', '02:00:00:00:00:02')
START_SECONDS = 30
BURST = 32


class Failed(Exception):
    """What makes the verdict a failure, in words for the user."""


class Stopped(Exception):
    """A signal asked us to end."""


class Process:
    """A child with its output in a file; dies with us, whatever happens to us."""

    def __init__(self, name, command, where, stdin=None):
        self.name = name
        self.log = os.path.join(where, name + '.log')
        # RUNTIME_DIRECTORY is where EAL puts its sockets and files: all below our own directory.
        with open(self.log, 'wb') as log:
            # A session of its own: a Ctrl-C at the terminal is for us, we end the others in order.
            self.child = subprocess.Popen(
                command, stdin=stdin or subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=die_with_parent,
                env=dict(os.environ, RUNTIME_DIRECTORY=where))

    def check(self):
        rc = self.child.poll()
        if rc is not None:
            raise Failed(f'{self.name} ended by itself, {how(rc)}\n{self.last_words()}')

    def last_words(self, count=15):
        with open(self.log, errors='replace') as f:
            return ''.join('    | ' + line for line in f.read().splitlines(True)[-count:])

    def say(self, *lines):
        try:
            self.child.stdin.write(''.join(line + '\n' for line in lines).encode())
            self.child.stdin.flush()
        except BrokenPipeError:
            self.check()

    def wait_end(self, seconds):
        try:
            rc = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f'{self.name} did not end within {seconds} s\n{self.last_words()}') from None
        if rc:
            raise Failed(f'{self.name} ended badly, {how(rc)}\n{self.last_words()}')

    def kill(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def how(rc):
    return f'killed by {signal.Signals(-rc).name}' if rc < 0 else f'exit status {rc}'


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG
    # What bash lets background jobs ignore, children would inherit.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Telemetry:
    """rte_telemetry of a DPDK process."""

    def __init__(self, where, prefix, process):
        path = os.path.join(where, 'dpdk', prefix, 'dpdk_telemetry.v2')
        self.process = process
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(10)
        wait_for(f'the telemetry socket of {process.name}', lambda: self.connect(path), process)
        self.sock.recv(65536)

    def connect(self, path):
        try:
            self.sock.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def get(self, command):
        try:
            self.sock.send(command.encode())
            reply = json.loads(self.sock.recv(1 << 20))
        except (OSError, ValueError) as e:
            self.process.check()
            raise Failed(f'{self.process.name} does not answer {command}: {e}') from None
        answer = reply.get(command.split(',')[0])
        if answer is None:
            raise Failed(f'{self.process.name} knows no answer to {command}')
        return answer


def wait_for(what, ready, *processes):
    end = time.monotonic() + START_SECONDS
    while not ready():
        for p in processes:
            p.check()
        if time.monotonic() > end:
            raise Failed(f'waited {START_SECONDS} s for {what}\n' +
                         ''.join(p.last_words() for p in processes))
        time.sleep(0.05)


class Counters:
    """One reading of everything that counts packets, both ends."""

    def __init__(self, switch, generator):
        self.time = time.monotonic()
        self.guest = [generator.get(f'/ethdev/stats,{i}') for i in (0, 1)]
        self.port = [read_port(switch, name) for name in PORTS]

    def moved(self):
        """Changes while anything is on its way."""
        return [(g['ipackets'], g['opackets']) for g in self.guest]


def read_port(switch, name):
    """A port as the switch sees it: rx is from the guest, tx is to the guest."""
    reply = switch.get(f'/virtq/port,{name}')
    drops = {}
    for way in ('rx_drops', 'tx_drops'):
        for reason, count in reply.get(way, {}).items():
            drops[reason] = drops.get(reason, 0) + count
    return {'rx_packets': reply['rx_packets'], 'rx_bytes': reply['rx_bytes'],
            'tx_packets': reply['tx_packets'], 'tx_bytes': reply['tx_bytes'], 'drops': drops}


class Demo:
    def __init__(self, args):
        self.args = args
        self.processes = []
        self.seconds = 0.0
        self.first = self.last = None
        self.silent = [0.0, 0.0]     # seconds without a packet from the port, at the end

    def memory(self, mib):
        if self.args.hugepages == 'yes':
            # One file for all segments: vhost-user takes eight at most.
            return ['--in-memory', '--single-file-segments', '-m', str(mib)]
        # EAL refuses --no-huge with --in-memory; --no-shconf leaves nothing behind either.
        return ['--no-huge', '--no-shconf', '-m', str(mib)]

    def start(self, name, command, stdin=None):
        process = Process(name, command, self.args.dir, stdin)
        self.processes.append(process)
        return process

    def sock(self, name):
        return os.path.join(self.args.dir, name + '.sock')

    def start_switch(self):
        a = self.args
        command = [a.switch, '--lcores', f'0@{a.cpus[0]},1@{a.cpus[1]}', '--no-pci',
                   '--file-prefix', 'switch'] + self.memory(a.switch_mib) + ['--']
        for name in PORTS:
            command += ['--port', f'{name},path={self.sock(name)},queues={a.queues}']
        self.switch = self.start('virtq-switch', command)
        wait_for("the switch's sockets", lambda: all(os.path.exists(self.sock(p)) for p in PORTS),
                 self.switch)
        self.switch_tm = Telemetry(a.dir, 'switch', self.switch)

    def start_generator(self):
        a = self.args
        cpu = a.cpus[0]
        command = ['dpdk-testpmd', '--lcores', f'0@{cpu},1@{cpu}', '--no-pci',
                   '--file-prefix', 'testpmd'] + self.memory(a.testpmd_mib)
        if a.driver == 'net_virtq':
            command += ['-d', a.plugin]
        for i, name in enumerate(PORTS):
            command += ['--vdev', f'{a.driver}{i},path={self.sock(name)},queues={a.queues},'
                        f'queue_size={a.ring},mac={MACS[i]}']
        command += ['--', '-i']
        if a.size > 1514:
            # Before --txpkts, which testpmd checks against it.
            command += [f'--mbuf-size={a.size + 256}', f'--max-pkt-len={a.size + 18}']
        command += ['--nb-cores=1', f'--rxq={a.queues}', f'--txq={a.queues}',
                    f'--rxd={a.ring}', f'--txd={a.ring}', f'--burst={BURST}',
                    f'--txpkts={a.size}', '--txonly-multi-flow', '--forward-mode=io',
                    f'--total-num-mbufs={a.mbufs}', '--no-flush-rx',
                    # Packets for the other port's address: known unicast for the switch.
                    f'--eth-peer=0,{MACS[1]}', f'--eth-peer=1,{MACS[0]}']
        self.generator = self.start('testpmd', command, subprocess.PIPE)
        self.generator_tm = Telemetry(a.dir, 'testpmd', self.generator)
        wait_for('both links', self.links_up, self.generator, self.switch)

    def links_up(self):
        states = [self.generator_tm.get(f'/ethdev/link_status,{i}') for i in (0, 1)]
        return all(s.get('status') == 'UP' for s in states)

    def read(self):
        return Counters(self.switch_tm, self.generator_tm)

    def traffic(self):
        """Run for the wanted time, one table line per port and second."""
        a = self.args
        self.first = before = self.read()
        self.generator.say(f'start tx_first {a.window // BURST}')
        begin = time.monotonic()
        print(f'\n{"":>6} {"port":<6} {"from guest":>24} {"to guest":>24} {"dropped":>12}')
        while time.monotonic() < begin + a.seconds:
            time.sleep(max(0.0, min(1.0, begin + a.seconds - time.monotonic())))
            for p in self.processes:
                p.check()
            now = self.read()
            self.show(now, before, now.time - begin)
            before = now
        self.seconds = time.monotonic() - begin
        # Bounce no more, but take in what is still in the rings.
        self.generator.say('stop', 'set fwd rxonly', 'start')
        quiet = []
        wait_for('the rings to run empty', lambda: self.settled(quiet), *self.processes)
        self.generator.say('stop')
        self.last = self.read()

    def settled(self, quiet):
        quiet.append(self.read().moved())
        time.sleep(0.1)
        return len(quiet) > 3 and quiet[-1] == quiet[-2] == quiet[-3]

    def show(self, now, before, at):
        span = now.time - before.time
        for i, name in enumerate(PORTS):
            new, old = now.port[i], before.port[i]
            self.silent[i] += span
            if new['rx_packets'] > old['rx_packets']:
                self.silent[i] = 0.0
            cells = []
            for way in ('rx', 'tx'):
                rate = (new[way + '_packets'] - old[way + '_packets']) / span
                bits = (new[way + '_bytes'] - old[way + '_bytes']) * 8 / span
                cells.append(f'{rate / 1e6:8.3f} Mpps {bits / 1e9:6.2f} Gb/s')
            drops = sum(new['drops'].values()) - sum(old['drops'].values())
            print(f'{at:5.1f}s {name:<6} {cells[0]:>24} {cells[1]:>24} {drops:>12,}', flush=True)

    def finish(self):
        self.generator.say('quit')
        self.generator.wait_end(20)
        self.switch.child.send_signal(signal.SIGTERM)
        self.switch.wait_end(20)

    def run(self):
        self.start_switch()
        print(f'virtq-switch runs with ports {" and ".join(PORTS)}')
        self.start_generator()
        print(f'testpmd runs with two {self.args.driver} ports, {self.args.queues} queue pair(s) '
              f'each, {self.args.size}-byte packets, both ways')
        self.traffic()
        self.finish()

    def result(self):
        """The figures of the run, and what is wrong with them."""
        a, first, last = self.args, self.first, self.last
        out = {'seconds': round(self.seconds, 3), 'size': a.size, 'queues': a.queues,
               'hugepages': a.hugepages == 'yes', 'driver': a.driver}
        if last is None:
            return out, ['the run did not come to its end']
        wrong = []
        ways = {}
        drops = {}
        for i, name in enumerate(PORTS):
            to = 1 - i
            sent = last.guest[i]['opackets'] - first.guest[i]['opackets']
            got = last.guest[to]['ipackets'] - first.guest[to]['ipackets']
            ways[f'{name}_to_{PORTS[to]}'] = {
                'sent': sent, 'received': got, 'mpps': round(got / self.seconds / 1e6, 4)}
            if not got:
                wrong.append(f'no traffic from {name} to {PORTS[to]}')
            elif self.silent[i]:
                wrong.append(f'no more traffic from {name} for the last {self.silent[i]:.1f} s')
            if got > sent:
                wrong.append(f'{got - sent} packets more than sent from {name} to {PORTS[to]}')
            octets = last.guest[i]['obytes'] - first.guest[i]['obytes']
            if octets != sent * a.size:
                wrong.append(f'{name} sent {octets} bytes in {sent} packets of {a.size}')
            for reason, count in last.port[i]['drops'].items():
                count -= first.port[i]['drops'].get(reason, 0)
                if count:
                    drops[reason] = drops.get(reason, 0) + count
            for field in ('ierrors', 'oerrors', 'imissed'):
                count = last.guest[i].get(field, 0) - first.guest[i].get(field, 0)
                if count:
                    drops[f'driver_{field}'] = drops.get(f'driver_{field}', 0) + count
        sent = sum(w['sent'] for w in ways.values())
        got = sum(w['received'] for w in ways.values())
        lost = sent - got
        named = sum(drops.values())
        if lost != named:
            wrong.append(f'{lost} packets are lost and {named} are counted as dropped')
        out.update({'sent': sent, 'forwarded': got, 'mpps': round(got / self.seconds / 1e6, 4),
                    'lost': lost, 'unexplained': lost - named, 'drops': drops, 'ways': ways})
        return out, wrong


def verdict(out, wrong, path):
    if 'forwarded' in out:
        print(f'\nforwarded   {out["forwarded"]:,} packets of {out["size"]} bytes in '
              f'{out["seconds"]:.1f} s, {out["mpps"]:.3f} Mpps both ways together')
        print(f'lost        {out["lost"]:,}')
        reasons = [f'{count:,} {reason}' for reason, count in sorted(out['drops'].items())]
        print('drops       ' + (', '.join(reasons) or 'none'))
    out['ok'] = not wrong
    out['wrong'] = wrong
    for text in wrong:
        print('wrong       ' + text)
    print('verdict     ' + ('FAILED' if wrong else 'good'), flush=True)
    if path:
        with open(path, 'w') as f:
            json.dump(out, f, indent=2)
            f.write('\n')


def arguments(argv):
    p = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    p.add_argument('--build', required=True)
    p.add_argument('--dir', required=True, help='for sockets and logs')
    p.add_argument('--cpus', required=True, type=lambda s: s.split(','))
    p.add_argument('--hugepages', choices=('yes', 'no'), default='yes')
    p.add_argument('--seconds', type=int, required=True)
    p.add_argument('--size', type=int, required=True)
    p.add_argument('--queues', type=int, required=True)
    p.add_argument('--json', default='')
    p.add_argument('--driver', default='net_virtq', help='net_virtio_user, to compare')
    p.add_argument('--memory', action='store_true', help='print the MiB needed and stop')
    a = p.parse_args(argv)
    a.switch = os.path.join(a.build, 'apps', 'virtq-switch')
    a.plugin = os.path.join(a.build, 'pmd', 'librte_net_virtq.so')
    a.ring = 1024 if a.size <= 2048 or a.queues <= 4 else 512
    # The switch may steer everything to one queue of a port: even then half a ring is enough, and
    # a drop for want of descriptors is not of our making.
    a.window = max(BURST, a.ring // 2 // a.queues // BURST * BURST)
    # Posted for receive; sent and not yet freed, which drivers put off; in testpmd's caches.
    a.mbufs = 2 * a.queues * (a.ring + a.ring + a.window) + 4096
    a.testpmd_mib = 64 + a.mbufs * (max(a.size, 2048) + 512) // (1 << 20)
    a.switch_mib = 192
    return a


def on_signal(nr, _):
    # Once: a second Ctrl-C must not interrupt the cleaning up.
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, signal.SIG_IGN)
    raise Stopped(nr)


def main(argv):
    args = arguments(argv)
    if args.memory:
        print(args.switch_mib + args.testpmd_mib)
        return 0
    for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(n, on_signal)
    demo = Demo(args)
    wrong = []
    try:
        demo.run()
    except Failed as e:
        wrong.append(str(e).rstrip('\n'))
    except Stopped as e:
        print('\nstopped', flush=True)
        return 128 + e.args[0]
    finally:
        for p in reversed(demo.processes):
            p.kill()
    out, more = demo.result()
    verdict(out, wrong + (more if demo.last else [] if wrong else more), args.json)
    return 0 if out['ok'] else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
