// A Holdfast client for Node in one screen: the stock gRPC client over holdfast.proto, and nothing of ours.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

const PROTO = fileURLToPath(new URL('../../protocol/src/main/proto/holdfast/v1/holdfast.proto', import.meta.url));
const definition = loader.loadSync(PROTO, { keepCase: true, longs: String, enums: String, oneofs: true });
const { holdfast } = grpc.loadPackageDefinition(definition);

/** Locks of one namespace. Tokens are 64 bits wide, so they are decimal text here. */
export class Locks {
  #client;
  #namespace;

  constructor(address, namespace, credentials = grpc.credentials.createInsecure()) {
    // A connection of its own: holds without a ttl live as long as it.
    this.#client = new holdfast.v1.Locks(address, credentials, { 'grpc.use_local_subchannel_pool': 1 });
    this.#namespace = namespace;
  }

  /** Waits for at most `timeoutMs`. The hold lives until it is released, or as long as this connection, or for `ttlMs`. */
  acquire(key, { timeoutMs, ttlMs, owner = `node-${process.pid}` } = {}) {
    return this.#call('AcquireLock', { key, owner, timeout_ms: timeoutMs, ttl_ms: ttlMs });
  }

  release(key, token) {
    return this.#call('ReleaseLock', { key, token });
  }

  describe(key) {
    return this.#call('DescribeLock', { key });
  }

  close() {
    this.#client.close();
  }

  #call(method, request) {
    return new Promise((resolve, reject) => {
      this.#client[method]({ namespace: this.#namespace, ...request }, (failure, answer) =>
        failure ? reject(Object.assign(failure, { reason: failure.metadata?.get('holdfast-reason')[0] })) : resolve(answer));
    });
  }
}

export const { status } = grpc;
