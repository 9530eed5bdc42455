// Acquires, blocks, times out, describes and releases on a running server: node smoke.js HOST:PORT [NAMESPACE]
import assert from 'node:assert/strict';
import { Locks, status } from './locks.js';

const [address = '127.0.0.1:7420', namespace = 'default'] = process.argv.slice(2);
const ann = new Locks(address, namespace);
const bob = new Locks(address, namespace);
const key = `node-smoke/${process.pid}-${Date.now()}`;
const facts = [];
const fact = async (what, check) => { await check(); facts.push(what); };

let first;
await fact('a free lock is acquired, with a token', async () => {
  first = await ann.acquire(key, { owner: 'ann' });
  assert.equal(first.acquired, true);
  assert.ok(BigInt(first.token) > 0n);
});
await fact('a busy one is not, when nobody waits', async () => {
  await assert.rejects(bob.acquire(key, { timeoutMs: 0 }), { code: status.DEADLINE_EXCEEDED });
});
await fact('waiting for it ends in time', async () => {
  const asked = Date.now();
  await assert.rejects(bob.acquire(key, { timeoutMs: 300 }), { code: status.DEADLINE_EXCEEDED });
  const waited = Date.now() - asked;
  assert.ok(waited >= 290 && waited < 5_000, `waited ${waited} ms`);
});
let second;
await fact('a waiter is seen, blocks until the release, and gets a larger token', async () => {
  let granted = false;
  const waiting = bob.acquire(key, { timeoutMs: 30_000, owner: 'bob' }).then((grant) => { granted = true; return grant; });
  let seen;
  do { seen = await ann.describe(key); } while (seen.waiters !== 1);
  assert.equal(seen.owner, 'ann');
  assert.equal(seen.lock.waiters[0].client, 'bob');
  assert.equal(granted, false);
  assert.equal((await ann.release(key, first.token)).released, true);
  second = await waiting;
  assert.ok(BigInt(second.token) > BigInt(first.token));
});
await fact('an old token releases nothing', async () => {
  await assert.rejects(ann.release(key, first.token), { code: status.FAILED_PRECONDITION });
  assert.equal((await ann.describe(key)).owner, 'bob');
});
await fact('bad input is told apart, with a reason for programs', async () => {
  await assert.rejects(ann.acquire(''), { code: status.INVALID_ARGUMENT, reason: 'NAME_EMPTY' });
});
await fact('a closed connection gives its holds back', async () => {
  bob.close();
  const third = await ann.acquire(key, { timeoutMs: 30_000, owner: 'ann' });
  assert.ok(BigInt(third.token) > BigInt(second.token));
  await ann.release(key, third.token);
});
ann.close();
facts.forEach((what) => console.log(`ok  ${what}`));
console.log(`${facts.length} passed, 0 failed`);
