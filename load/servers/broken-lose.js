// Loses one message of many.
import { brokenApp } from './broken.js';

export default brokenApp(() => {});
