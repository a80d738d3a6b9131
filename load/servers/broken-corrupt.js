// Changes the last byte of one message of many.
import { brokenApp } from './broken.js';

export default brokenApp((message, send) => {
  message[message.length - 1] ^= 1;
  send(message);
});
