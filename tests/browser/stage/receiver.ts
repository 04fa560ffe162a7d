// Where messages arrive: a webhook on the loopback that keeps what it was sent and gives it back to whoever asks.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Message {
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export class Receiver {
  private readonly taken: Message[] = [];
  private readonly server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(this.taken.filter((it) => it.path === path)));
      return;
    }
    this.taken.push({ path, headers: request.headers, body: await text(request) });
    // A receiver that is not there any more, for messages that are given up.
    response.statusCode = path === '/gone-away' ? 404 : 204;
    response.end();
  });

  async start(): Promise<string> {
    await new Promise<void>((ready) => this.server.listen(0, '127.0.0.1', ready));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

// What has arrived under a path so far.
export async function arrived(receiver: string, path: string): Promise<Message[]> {
  const answer = await fetch(`${receiver}${path}`);
  return (await answer.json()) as Message[];
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
