// ws, one process.
import { createApp } from './ws-app.js';

const { http } = createApp(0);
http.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'listening', port: http.address().port }));
});
