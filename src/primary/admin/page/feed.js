/** The server's status, as it tells it every second. A stream that is lost, or silent, is opened again. */

/** A server that says nothing for so long is not heard any more. */
const SILENCE_MS = 5000;
const RETRY_MS = 2000;

/** `onLost()` is called for each attempt that fails, too. */
export function listen({ onStatus, onLost }) {
  const source = new EventSource('api/events');
  let timer;
  const lost = () => {
    clearTimeout(timer);
    source.close();
    onLost();
    setTimeout(listen, RETRY_MS, { onStatus, onLost });
  };
  const expectMore = () => {
    clearTimeout(timer);
    timer = setTimeout(lost, SILENCE_MS);
  };
  expectMore();
  source.onerror = lost;
  source.addEventListener('status', ({ data }) => {
    expectMore();
    onStatus(JSON.parse(data));
  });
}
