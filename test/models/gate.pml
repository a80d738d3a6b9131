/*
 * Taking a reader out of the gate (src/shared/log.ts: tryBeginReading, endReading, tryEject): a writer, the primary, and a reader
 * that may stand still at any time. A ring of two units, records of one; log.pml is about the rest of the log.
 */
#define UNITS 2
/* Positions are counted modulo this, as they are modulo 2^32 in the code. */
#define POSITIONS 8
#define distance(from, to) (((to) + POSITIONS - (from)) % POSITIONS)

mtype = { INACTIVE, ACTIVE, READING };

mtype state = ACTIVE;
byte cursor = 0;
byte tail = 0;
/* Where the record in each unit was appended. */
byte appended[UNITS];
bool locked = false;
hidden byte overwritten;
inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

proctype writer() {
  do
  :: lock();
     if
     :: state == INACTIVE || distance(cursor, tail) < UNITS ->
        appended[tail % UNITS] = tail;
        tail = (tail + 1) % POSITIONS
     :: else
     fi;
     unlock()
  od
}

proctype primary() {
  do
  :: lock();
     if
#ifdef EJECT_WHILE_READING
     :: atomic { state != INACTIVE -> state = INACTIVE }
#else
     :: atomic { state == ACTIVE -> state = INACTIVE }
#endif
     :: else
     fi;
     unlock()
  od
}

proctype reader() {
  byte at = 0;
  do
  :: if
#ifdef READ_WITHOUT_ENTERING
     :: state == ACTIVE ->
#else
     :: atomic { state == ACTIVE -> state = READING };
#endif
        do
        :: at != tail ->
           overwritten = appended[at % UNITS] != at;
           assert(!overwritten);
           at = (at + 1) % POSITIONS
        :: break
        od;
        cursor = at;
        state = ACTIVE
     :: state == INACTIVE ->
#ifndef ATTACH_WITHOUT_LOCK
        lock();
#endif
        at = tail;
        cursor = at;
        state = ACTIVE;
#ifndef ATTACH_WITHOUT_LOCK
        unlock()
#endif
     fi
  od
}

init {
  atomic {
    run writer();
    run primary();
    run reader()
  }
}
