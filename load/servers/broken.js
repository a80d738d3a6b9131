// What servers with a fault have in common: echo and channels, in which one message of many is not what it should be.
import { defineApp } from 'polyloop';

const EVERY = Number(process.env.LOAD_BROKEN_EVERY ?? 10_000);

/**
 * `fault(message, send, later)` does to one message of EVERY what it should not: `send` sends it on, `later` does so after the next
 * message of the same connection.
 */
export const brokenApp = (fault) =>
  defineApp((loop) => {
    let count = 0;
    const breaking = (send) => {
      let held = null;
      const later = (message) => {
        held = message;
      };
      return (message) => {
        if (++count % EVERY === 0) fault(message, send, later);
        else {
          send(message);
          if (held !== null) send(held);
          held = null;
        }
      };
    };

    loop.webSocket('/echo', {
      onUpgrade(ws) {
        const echo = breaking((message) => ws.send(message));
        ws.onBinary((_, message) => echo(message));
      },
    });
    loop.webSocket('/channel/:channel', {
      shouldUpgrade: () => ({ 'x-loop': String(loop.id) }),
      onUpgrade(ws, { params }) {
        ws.subscribe(params.channel);
        const publish = breaking((message) => loop.publish(params.channel, message));
        ws.onBinary((_, message) => publish(message));
      },
    });
    loop.webSocket('/publish/:channel', {
      onUpgrade(ws, { params }) {
        const publish = breaking((message) => loop.publish(params.channel, message));
        ws.onBinary((_, message) => publish(message));
      },
    });
  });
