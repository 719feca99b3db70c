/** How a transport ends: by us, by the peer, in the middle of something; on the fast path as on the general path. */
import { once } from 'node:events';
import { barrier, both, connected, Ear, rest } from './both-transports.ts';

both(
  'the peer ends its half: ours still sends, and the end closes all',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    peer.end('last words');
    await ear.until(({ events }) => events.includes('end'));
    ear.transport.resume();
    await barrier();
    ear.transport.writeText('an answer');
    ear.transport.end();
    const heard = (await rest(peer)).toString();
    await ear.untilClosed();
    return [ear.text, heard, ear.events, ear.transport.closed];
  },
  ['last words', 'an answer', ['end', 'close'], true],
);

both(
  'our half ends: the peer still sends, and its end closes all',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    ear.transport.writeText('a question');
    ear.transport.end();
    const heard = (await rest(peer)).toString();
    const openStill = ear.transport.closed;
    peer.end('late answer');
    await ear.untilClosed();
    return [heard, openStill, ear.text, ear.events];
  },
  ['a question', false, 'late answer', ['end', 'close']],
);

both(
  'what is written after the end goes nowhere and hurts nobody',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    transport.writeText('before');
    transport.end();
    transport.end();
    transport.writeText('after');
    transport.write(Buffer.alloc(100_000));
    transport.flush();
    const heard = (await rest(peer)).toString();
    peer.end();
    await ear.untilClosed();
    return [heard, ear.events, transport.bytesWritten];
  },
  ['before', ['end', 'close'], 6],
);

both(
  'after it was destroyed it is closed at once, once, and does nothing more',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    transport.writeText('sent still');
    transport.destroy();
    const atOnce = [...ear.events];
    transport.destroy();
    transport.writeText('lost');
    transport.write(Buffer.alloc(100_000));
    transport.flush();
    transport.pause();
    transport.resume();
    transport.end();
    const heard = (await rest(peer)).toString();
    peer.end('into the void');
    await barrier();
    return [atOnce, ear.events, heard, ear.text, transport.unsent];
  },
  [['close'], ['close'], 'sent still', '', 0],
);

both(
  'the peer resets while nothing is under way',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    peer.write('a');
    await ear.until(({ bytes }) => bytes.length > 0);
    peer.resetAndDestroy();
    await ear.untilClosed();
    return [ear.text, ear.events, ear.transport.closed];
  },
  ['a', ['close ECONNRESET'], true],
);

both(
  'the peer resets before the transport is opened',
  async open => {
    const { socket, peer } = await connected();
    peer.resetAndDestroy();
    await barrier();
    const ear = new Ear(open(socket));
    await ear.untilClosed();
    return ear.events;
  },
  ['close ECONNRESET'],
);

both(
  'a socket that was destroyed before: closed, after the call',
  async open => {
    const { socket, peer } = await connected();
    socket.destroy();
    await once(socket, 'close');
    const ear = new Ear(open(socket));
    const atOnce = ear.events.length;
    await ear.untilClosed();
    peer.destroy();
    return [atOnce, ear.events];
  },
  [0, ['close']],
);

both(
  'the peer resets while output waits: told once',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    peer.pause();
    while (!transport.congested) transport.write(Buffer.alloc(256 * 1024));
    peer.resetAndDestroy();
    await ear.untilClosed();
    transport.write(Buffer.alloc(20_000));
    const codes = ear.events.filter(event => event !== 'drain');
    return [codes.length, /^close (ECONNRESET|EPIPE)$/.test(codes[0] ?? '')];
  },
  [1, true],
);

both(
  'a write that fails at once is told of after the call',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    const { transport } = ear;
    transport.pause();
    peer.resetAndDestroy();
    await barrier();
    const before = ear.events.length;
    transport.write(Buffer.alloc(100_000));
    const within = ear.events.length > before;
    await ear.untilClosed();
    return [within, ear.events.length, /^close (ECONNRESET|EPIPE)$/.test(ear.events[0] ?? '')];
  },
  [false, 1, true],
);

both(
  'destroyed in the middle of a write: closed once without error, and the peer sees less',
  async open => {
    const { socket, peer } = await connected();
    const ear = new Ear(open(socket));
    peer.pause();
    ear.transport.write(Buffer.alloc(16 << 20));
    ear.transport.destroy();
    const received = await rest(peer).catch(() => Buffer.alloc(0));
    await barrier();
    return [ear.events, received.length < 16 << 20];
  },
  [['close'], true],
);
