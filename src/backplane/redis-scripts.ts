/**
 * What runs inside Redis. A channel has two keys with one hash tag, so both are on the same node of a cluster: the stream, whose entries
 * are `SEQUENCE-1` of the last with the field `m`, messages that were published together; and the head, a hash with
 * `e`, the epoch, `s`, the last sequence,
 * `r`, the run of Redis in which numbers were given last, `b`, the sequence from which it went on,
 * and for each publisher `n` and its id, the number of the last message that it has sent.
 *
 * A server that was restarted, or has taken the place of a master that failed, may have lost the last of what it had numbered, and others have
 * seen it. So nodes that find another run say up to where they know numbers, before they publish: the sequence goes on behind the largest.
 * Whoever says so too late, when smaller ones were given anew, makes the channel begin a new epoch.
 */

/**
 * KEYS stream, head. ARGV run, epoch if a new one is begun, seconds to keep, epoch and largest sequence known, the largest that was known in an
 * earlier run.
 */
const HEAD = `
local run, known, floor = ARGV[1], ARGV[4], tonumber(ARGV[5])
local head = redis.call('HMGET', KEYS[2], 'e', 's', 'r', 'b')
local epoch, sequence, base = head[1], tonumber(head[2] or '0'), tonumber(head[4] or '0')
local isOfRun = head[3] == run
if epoch and known == epoch and floor > sequence and not isOfRun then
  sequence = floor
  redis.call('HSET', KEYS[2], 's', sequence)
elseif not epoch or (known == epoch and (floor > sequence or (isOfRun and tonumber(ARGV[6]) > base))) then
  epoch, sequence, isOfRun = ARGV[2], 0, true
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], 'e', epoch, 's', '0', 'r', run, 'b', '0')
end
`;
const KEEP = `
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
`;

/**
 * As above, then messages that go together, publisher, its number of the last, 1 if they may have been here before, numbers that they take, how
 * many numbers back messages are kept, pub/sub channel. Gives the messages the next sequences, keeps them, and publishes
 * `EPOCH:SEQUENCE:MESSAGES`. Returns epoch and sequence of the last; that is 0 when they have been here before, and -1 when later
 * ones of the same publisher have been, without them.
 */
export const PUBLISH = `${HEAD}
local mine = 'n' .. ARGV[8]
local last = redis.call('HGET', KEYS[2], mine)
if last and tonumber(last) >= tonumber(ARGV[9]) then return { epoch, ARGV[10] == '1' and 0 or -1 } end
if not isOfRun then redis.call('HSET', KEYS[2], 'r', run, 'b', sequence) end
sequence = redis.call('HINCRBY', KEYS[2], 's', ARGV[11])
redis.call('HSET', KEYS[2], mine, ARGV[9])
redis.call('XADD', KEYS[1], 'MINID', '~', math.max(sequence - ARGV[12], 0), sequence .. '-1', 'm', ARGV[7])
${KEEP}
redis.call('PUBLISH', ARGV[13], epoch .. ':' .. sequence .. ':' .. ARGV[7])
return { epoch, sequence }
`;

/**
 * As above, then a sequence and most entries. Returns the epoch, the last sequence, and when the epoch known is that, the oldest entries behind the
 * sequence. The channel exists from here on.
 */
export const READ = `${HEAD}
${KEEP}
local entries = {}
if known == epoch and tonumber(ARGV[7]) < sequence then
  entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[7] .. '-1', '+', 'COUNT', ARGV[8])
end
return { epoch, sequence, entries }
`;
