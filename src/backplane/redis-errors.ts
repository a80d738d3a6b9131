/** What ioredis puts before every error of a cluster that it is not to follow. */
const WRAPPED = /^Too many Cluster redirections\. Last error: /;
/** Not the command is at fault, but where it was sent to. Redis 6 says so in the middle of another error. */
const TRANSIENT =
  /\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOSCRIPT|NOREPLICAS|UNBLOCKED|MOVED|ASK)\b/;

/** Redis has answered that it does not run the command. Otherwise it may have run it. */
export const isRefusal = ({ name, message }: Error): boolean =>
  name === 'ReplyError' || message.replace(WRAPPED, '').startsWith('ReplyError:');

/** Redis, or another server, takes such a command later. */
export const isTransient = (error: Error): boolean => isRefusal(error) && TRANSIENT.test(error.message);
