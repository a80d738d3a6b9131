/*
 * The log of src/shared/log.ts, log-writer.ts and log-reader.ts: two writers and two readers of a ring of a few units, any number
 * of records of one or two units. The thread of one reader may end at any time and be replaced. docs/models.md says what is
 * checked and what is left out.
 *
 * One statement is one step, and the steps of the threads interleave in any order. That is what JavaScript promises: the tail,
 * the cursors and the readers' states are accessed by Atomics, which are sequentially consistent; the ring is read and written
 * plainly but never raced for, which is what `overwrites` and `misreads` check; and a program without data races is sequentially
 * consistent (ECMAScript, Memory Model, Data Race Freedom). What concerns nobody but the holder of the lock is one step with
 * what comes before it.
 */
#ifndef UNITS
#define UNITS 4
#endif
/* Positions are counted modulo this, as they are modulo 2^32 in the code: so they wrap. */
#define POSITIONS (2 * UNITS)
#define index(position) ((position) % UNITS)
#define forward(position, units) (((position) + (units)) % POSITIONS)
#define distance(from, to) (((to) + POSITIONS - (from)) % POSITIONS)

#define READERS 2
/* The reader whose thread may end. */
#define MORTAL 1
#define bit(reader) (1 << (reader))

mtype = { UNWRITTEN, SINGLE, FIRST, SECOND, PADDING };

typedef unit {
  /* A record of one unit, the first or the second unit of a record of two, or padding. */
  mtype kind = UNWRITTEN;
  /* Where it was appended: this is how records are told from each other. */
  byte position;
  /* Not in the code: bits of the readers that have yet to read it. When there are none left, it is free and unwritten again. */
  byte unread
}

unit ring[UNITS];
byte tail = 0;
/* Under the append lock: everything before it is read. */
byte gate = 0;
byte cursor[READERS];
bool counts[READERS];

/* The append lock; mutex.pml is about what it does inside. */
bool locked = false;
inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* Not in the code: bits of the readers that live, and what the properties speak of. */
byte living = 0;
bool has_room = false;
bool attaching = false;
hidden byte overwrites;
hidden byte misreads;

/* ── the writer ── */

inline erase(p) {
  ring[index(p)].kind = UNWRITTEN;
  ring[index(p)].position = 0
}

/* Reads the cursor's state and the cursor: nobody else writes an inactive cursor while this thread has the lock. */
inline look_at_cursor(reader) {
  if
  :: counts[reader] && distance(cursor[reader], end) > lag -> lag = distance(cursor[reader], end)
  :: else
  fi
}

/* Plain stores into one unit. */
inline write_unit(p, what) {
  d_step {
    overwrites = ring[index(p)].kind != UNWRITTEN;
    assert(!overwrites);
    ring[index(p)].kind = what;
    ring[index(p)].position = forward(p, 0)
  }
}

/* Stores the tail. Whoever reads from now on has what lies before it to read. */
inline commit() {
  d_step {
    tail = forward(end, padding + units);
    at = end;
    do
    :: at != tail ->
       ring[index(at)].unread = living;
       if
       :: living == 0 -> erase(at)
       :: else
       fi;
       at = forward(at, 1)
    :: else -> break
    od;
    at = 0
  }
}

/* Something throws before the tail is stored: what is written stays free room. */
inline throw() {
  d_step {
    at = end;
    do
    :: at != forward(end, padding + units) -> erase(at); at = forward(at, 1)
    :: else -> break
    od;
    at = 0
  }
}

proctype writer() {
  byte end, units, padding, lag, at;
  do
  :: atomic {
#ifndef APPEND_WITHOUT_LOCK
       lock();
#endif
       end = tail;
       if
       :: units = 1
       :: units = 2
       fi;
       padding = (units > UNITS - index(end) -> UNITS - index(end) : 0)
     };

     /* #hasRoom, by the gate of an earlier append or by looking at the cursors, one after another */
     if
     :: atomic { distance(gate, end) + padding + units <= UNITS -> has_room = true }
#ifdef KEEP_GATE
     :: else -> goto release
#else
     :: look_at_cursor(0);
        atomic {
#ifndef GATE_OF_ONE_READER
          look_at_cursor(1);
#endif
          gate = forward(end, POSITIONS - lag);
          if
          :: lag + padding + units <= UNITS -> has_room = true
          :: else -> goto release
          fi;
          lag = 0
        }
#endif
     fi;

#ifdef TAIL_BEFORE_BYTES
     commit();
#endif
     if
     :: padding > 0 -> write_unit(end, PADDING)
     :: else
     fi;
     if
     :: units == 1 -> write_unit(end + padding, SINGLE)
     :: else -> write_unit(end + padding, FIRST); write_unit(end + padding + 1, SECOND)
     fi;
#ifndef TAIL_BEFORE_BYTES
     if
     :: commit()
     :: throw()
     fi;
#endif

release:
     atomic {
       end = 0; units = 0; padding = 0; lag = 0; has_room = false;
#ifndef APPEND_WITHOUT_LOCK
       unlock()
#endif
     }
  od
}

/* ── the reader ── */

/* Plain loads from one unit: a record is what was appended at this position, and this reader has not read it. */
inline read_unit(p, what) {
  misreads = ring[index(p)].kind != what || ring[index(p)].position != forward(p, 0) || !(ring[index(p)].unread & bit(me));
  assert(!misreads)
}

/* The reader looks there no more. */
inline leave_unit() {
  ring[index(at)].unread = ring[index(at)].unread & ~bit(me);
  if
  :: ring[index(at)].unread == 0 -> erase(at)
  :: else
  fi;
  at = forward(at, 1)
}

proctype reader(byte me) {
  /* Where the reader is, which is its cursor or behind it while it reads. */
  byte at, size;

attach:
#ifndef ATTACH_WITHOUT_LOCK
  lock();
#endif
  atomic { attaching = true; at = tail; living = living | bit(me) };
  cursor[me] = at;
  counts[me] = true;
  attaching = false;
#ifndef ATTACH_WITHOUT_LOCK
  unlock();
#endif

  do
  :: at != tail;
#ifdef CURSOR_BEFORE_READING
     cursor[me] = tail;
#endif
     /* read: a batch of at least one record. It may end behind any of them, so the tail need not be the one it began with. */
     do
#ifdef EMPTY_BATCHES
     :: break
#endif
     :: at != tail ->
        /* A visit begins … */
        d_step {
          if
          :: ring[index(at)].kind == PADDING -> read_unit(at, PADDING); size = UNITS - index(at)
          :: ring[index(at)].kind == FIRST -> read_unit(at, FIRST); read_unit(at + 1, SECOND); size = 2
          :: else -> read_unit(at, SINGLE); size = 1
          fi
        };
        /* … and ends. */
        atomic {
          d_step {
            do
            :: size > 0 -> leave_unit(); size--
            :: else -> break
            od
          };
          if
          :: true
          :: break
          fi
        }
     :: else -> break
     od;
#ifndef CURSOR_BEFORE_READING
     cursor[me] = at
#endif
  :: /* The thread ends; later the primary detaches the reader; later a new thread attaches it again. */
     d_step {
       me == MORTAL ->
       do
       :: at != tail -> leave_unit()
       :: else -> break
       od;
       living = living & ~bit(me);
       at = 0
     };
     counts[me] = false;
     goto attach
  od
}

init {
  atomic {
    run writer();
    run writer();
    run reader(0);
    run reader(1)
  }
}

/* A writer finds room again and again. The lock is not fair: a reader that is replaced for ever may keep the writers from it. */
ltl finds_room { [] <> (has_room || attaching) }

/* No record stays unread. The first unit of the ring stands for all: the readers do the same at each. */
ltl is_read { [] <> (ring[0].unread == 0) }
