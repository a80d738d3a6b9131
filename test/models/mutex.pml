/*
 * The futex mutex of src/shared/mutex.ts: three threads, each of which takes it as often as it likes. The wait of one may time
 * out, and one may end while it holds the lock. docs/models.md says what is checked and what is left out.
 *
 * One statement is one step, and the steps of the threads interleave in any order. That is what JavaScript promises: Atomics
 * are sequentially consistent; what the lock guards is read and written plainly but never raced for, which is what `inside`
 * checks; and a program without data races is sequentially consistent (ECMAScript, Memory Model, Data Race Freedom).
 */
#define FREE 0
#define WAITERS 4
#define HOLDER 3

#define THREADS 3
/* The thread whose wait may time out, and the one that may end while it holds the lock. The others do neither. */
#define IMPATIENT 2
#define MORTAL 3

byte word = FREE;
bool asleep[THREADS + 1];

/* Not in the code: threads that want the lock, threads that hold it, and the number of one that ended while it did. */
byte wanting = 0;
byte inside = 0;
byte ended = 0;

/* Atomics.compareExchange(word, FREE, value), and what follows when it has taken the lock. */
inline try_take(value) {
  atomic {
    if
    :: word == FREE -> word = value; goto taken
    :: else
    fi
  }
}

/* Atomics.notify(word, 1): one sleeper wakes. The code wakes the first of a queue; here it may be any. */
inline notify_one() {
  atomic {
    if
    :: asleep[1] -> asleep[1] = false
    :: asleep[2] -> asleep[2] = false
    :: asleep[3] -> asleep[3] = false
    :: else
    fi
  }
}

/* Atomics.notify(word). */
inline notify_all() {
  d_step { asleep[1] = false; asleep[2] = false; asleep[3] = false }
}

proctype thread(byte me) {
  byte seen = 0;
  do
  :: wanting++;

     /* lock */
#ifdef TAKE_WITHOUT_EXCHANGE
     if
     :: word == FREE -> word = me; goto taken
     :: else
     fi;
#else
     try_take(me);
#endif

     /* #wait: the spin. A look at a taken lock changes nothing, so any number of looks stands for the one in the code. */
     do
     :: if
        :: word == FREE -> try_take(me)
        :: else
        fi
     :: break
     od;

     /* #wait: the loop */
again:
     seen = word;
     if
     :: seen == FREE ->
#ifdef TAKE_WITHOUT_MARK
        try_take(me);
#else
        try_take(me | WAITERS);
#endif
        goto again
     :: else
     fi;
#ifdef GIVE_UP_BEFORE_MARK
     if
     :: me == IMPATIENT -> goto give_up
     :: true
     fi;
#endif
#ifndef SLEEP_WITHOUT_MARK
     atomic {
       if
       :: word == seen -> word = seen | WAITERS; seen = word
       :: else -> goto again
       fi
     };
#endif
     /* No time left. */
     if
     :: me == IMPATIENT -> goto give_up
     :: true
     fi;
     /* Atomics.wait: compares and falls asleep in one step, or does not sleep. */
     atomic {
       if
       :: word == seen -> asleep[me] = true
       :: else -> goto again
       fi
     };
     /* It is woken, or the time is over. */
     if
     :: !asleep[me] -> goto again
     :: atomic { me == IMPATIENT && asleep[me] -> asleep[me] = false }
     fi;

give_up:
     atomic { wanting--; seen = 0; goto next };

taken:
     atomic { seen = 0; wanting--; inside++; assert(inside == 1) };
     if
     :: inside--
     :: atomic { me == MORTAL -> inside--; ended = me; break }
     fi;

     /* unlock */
#ifdef NOTIFY_BEFORE_UNLOCK
     seen = word;
     if
     :: seen & WAITERS -> notify_one()
     :: else
     fi;
     word = FREE;
#else
     atomic { seen = word; word = FREE };
     if
     :: seen & WAITERS -> notify_one()
     :: else
     fi;
#endif
next:
     seen = 0
  :: break
  od
}

/* Frees the lock of a thread that has ended: Mutex.free. */
proctype primary() {
end_nobody_has_ended:
  (word & HOLDER) == ended && ended != 0;
  word = FREE;
#ifndef FREE_WITHOUT_NOTIFY
  notify_all()
#endif
}

init {
  atomic {
    run thread(1);
    run thread(2);
    run thread(3);
    run primary()
  }
}

/* While anybody wants the lock, somebody gets it, again and again. */
ltl gets_on { [] <> (inside > 0 || wanting == 0) }
