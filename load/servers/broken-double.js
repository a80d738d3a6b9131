// Sends one message of many twice.
import { brokenApp } from './broken.js';

export default brokenApp((message, send) => {
  send(message);
  send(message);
});
