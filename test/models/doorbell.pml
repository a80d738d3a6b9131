/*
 * The doorbell of src/shared/doorbell.ts, as writers ring it (src/shared/publisher.ts, log-writer.ts) and as loops sleep on it
 * (src/workers/fan-out.ts): two writers and two readers of a log of two units, any number of records of one unit.
 * docs/models.md says what is checked and what is left out.
 *
 * One statement is one step, and the steps of the threads interleave in any order. That is what JavaScript promises: the bells,
 * the tail and the cursors are accessed by Atomics, which are sequentially consistent (ECMAScript, Memory Model).
 */
#define UNITS 2
/* A reader that is further behind is woken. */
#define LAGGING 1
#define WRITERS 2
#define READERS 2
/* The reader whose loop may be woken by something else than the bell at any time. */
#define RESTLESS 1
/* Readers whose loops have subscribers, as bits: they are woken for every record. */
#ifndef SUBSCRIBED
#define SUBSCRIBED 3
#endif
#define is_subscribed(reader) ((SUBSCRIBED >> (reader)) & 1)

/* The tail less the reader's cursor: storing the tail adds to it, storing the cursor takes from it. log.pml is about the rest. */
byte lag[READERS];
bool bell[READERS];
/* A wait that `tryWait` began and nobody has notified; one that is notified, so that its `onRing` is to be called. */
bool waiting[READERS];
bool notified[READERS];

/* The append lock; mutex.pml is about what it does inside. */
bool locked = false;

/* Not in the code: the last append was refused; writers that append no more; what the properties speak of. */
bool gave_up = false;
byte finished = 0;
hidden byte leaves_unread;
hidden byte stays_full;

/* ── the writer ── */

/* The load before the exchange only spares it: a load of 0 is an exchange that fails, a load of 1 changes nothing. */
inline ring(reader) {
  if
  :: atomic { bell[reader] -> bell[reader] = false };
     atomic {
       if
       :: waiting[reader] -> waiting[reader] = false; notified[reader] = true
       :: else
       fi
     }
  :: !bell[reader]
  fi
}

/* #slowestCursor, one reader's part. */
inline look_at_cursor(reader) {
  if
  :: lag[reader] <= LAGGING
  :: atomic { lag[reader] > LAGGING -> is_full = is_full || lag[reader] == UNITS };
#ifndef LEAVE_LAGGARDS_ASLEEP
     ring(reader)
#endif
  fi
}

inline commit() {
  d_step { lag[0]++; lag[1]++; gave_up = false }
}

inline wake() {
  if
  :: is_subscribed(0) -> ring(0)
  :: else
  fi;
  if
  :: is_subscribed(1) -> ring(1)
  :: else
  fi
}

proctype writer() {
  bool is_full;
  do
  :: /* #hasRoom: a gate that was computed before leaves room, or the cursors are looked at. */
     if
     :: atomic { !locked && lag[0] < UNITS && lag[1] < UNITS -> locked = true }
     :: atomic { !locked -> locked = true };
        look_at_cursor(0);
        look_at_cursor(1);
        if
        :: atomic { is_full -> is_full = false; locked = false; goto next }
        :: atomic { is_full -> locked = false; gave_up = true; finished++; break }
        :: else
        fi
     fi;
#ifdef RING_BEFORE_TAIL
     wake();
#endif
     commit();
     locked = false;
#ifndef RING_BEFORE_TAIL
     wake();
#endif
next:
     skip
  :: atomic { finished++; break }
  od
}

/* ── the reader ── */

proctype reader(byte me) {
  /* `#isWaiting`. */
  bool is_waiting;
  do
  :: /* #run: a batch of at least one record, if there is one. */
     do
     :: d_step { lag[me] > 0 -> lag[me]-- };
        if
        :: true
        :: goto awake
        fi
     :: lag[me] == 0 -> break
     od;

     /* #sleep: arms, looks once more for what there is to read */
#ifdef ARM_AFTER_RECHECK
     if
     :: lag[me] == 0
     :: lag[me] > 0 -> goto awake
     fi;
     bell[me] = true;
#else
     bell[me] = true;
#ifndef SLEEP_WITHOUT_RECHECK
     if
     :: lag[me] == 0
     :: lag[me] > 0 -> goto awake
     fi;
#endif
#endif
     /* … and waits. Atomics.waitAsync compares and begins to wait in one step, or does not wait. */
     atomic {
       if
       :: is_waiting
       :: !is_waiting && bell[me] -> is_waiting = true; waiting[me] = true
       :: else -> goto awake
       fi
     };

     /* Until it rings; or something else wakes the loop, which is not to be counted on. */
end_asleep:
     if
     :: atomic { notified[me] -> notified[me] = false; is_waiting = false; goto next }
     :: atomic { me == RESTLESS && finished < WRITERS -> goto awake }
     fi;

awake:
     atomic {
       /* Disarms, unless that was done when this turn was scheduled, before the bell was armed. */
       if
       :: bell[me] = false
       :: true
       fi;
       /* A wait that was notified meanwhile calls back before this turn, or after it. */
       if
       :: notified[me] -> notified[me] = false; is_waiting = false
       :: true
       fi
     };
next:
     skip
  od
}

/* Looks when nothing moves any more: the writers have finished, and the readers sleep for good. */
proctype watcher() {
end_watching:
  d_step {
    timeout;
    leaves_unread = (is_subscribed(0) && lag[0] > 0) || (is_subscribed(1) && lag[1] > 0);
    assert(!leaves_unread);
    stays_full = gave_up && (lag[0] == UNITS || lag[1] == UNITS);
    assert(!stays_full)
  }
}

init {
  atomic {
    run writer();
    run writer();
    run reader(0);
    run reader(1);
    run watcher()
  }
}

/* When the writers have finished, every reader comes to the tail. */
ltl is_read { [] (finished == WRITERS -> <> (lag[0] == 0 && lag[1] == 0)) }
