// Sends one message of many after the one that follows it.
import { brokenApp } from './broken.js';

export default brokenApp((message, _, later) => later(message));
