import type { LoopContext } from '../app.ts';
import type { WebSocket } from '../websocket.ts';

const STATUS_MS = 500;

/** Tells connections, twice a second, how every loop is doing. Gives the function that adds a connection. */
export function loopStatus(loop: LoopContext): (ws: WebSocket) => void {
  const watchers = new Set<WebSocket>();

  function frame(): string {
    const loops = loop.loops().map(({ id, state, generation, connections, counters }) => {
      return { id, state, generation, connections, messages: counters.messagesIn };
    });
    return JSON.stringify({ type: 'status', loops });
  }

  const timer = setInterval(() => {
    if (watchers.size === 0) return;
    const text = frame();
    for (const ws of watchers) ws.send(text);
  }, STATUS_MS);
  loop.onShutdown(() => clearInterval(timer));

  return (ws) => {
    watchers.add(ws);
    ws.onClose.then(() => watchers.delete(ws));
    ws.send(frame());
  };
}
