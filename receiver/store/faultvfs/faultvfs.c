// A VFS around the system's own. It lets everything through, remembers for each
// file what a disk would still have after a power cut (what was synced) and what
// it might have (what was written since), and fails on demand.
#define _GNU_SOURCE
#include "faultvfs.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OK = 0,
	IOERR_WRITE = 10 | 3 << 8,
	IOERR_FSYNC = 10 | 4 << 8,
	NOMEM = 7,
	OPEN_MAIN_DB = 0x100,
	OPEN_MAIN_JOURNAL = 0x800,
	OPEN_WAL = 0x80000,
	SECTOR = 512,
};

// op is one write, or a truncation when data is NULL, that no sync covers yet.
typedef struct op {
	struct op *next;
	sqlite3_int64 offset;
	int length;
	uint64_t number;
	unsigned char *data;
} op;

// image is one file as the disk knows it.
typedef struct image {
	struct image *next;
	char *path;
	unsigned char *durable;
	sqlite3_int64 size;
	int exists; // durably
	int open;   // how many files stand for it
	int left;   // by a test before this one, which could not close it
	op *first, **last;
} image;

typedef struct file {
	sqlite3_file base;
	image *image; // NULL for temporary files
	sqlite3_file real[];
} file;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sqlite3_vfs *real, mine;
static sqlite3_io_methods methods;
static image *images;
static uint64_t events, syncs, failed, cut_in, cut_at, seed;
static char cut_dir[4096];
static char fail_suffix[64];
static int fail_syncs, fail_writes, slow_ms, kill_in, kill_after;

static uint64_t dice(void) { // xorshift64*
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 2685821657736338717ULL;
}

static void die(const char *what) {
	fprintf(stderr, "faultvfs: %s: %s\n", what, strerror(errno));
	abort();
}

static void *need(void *p) {
	if (!p) die("memory");
	return p;
}

static void put(unsigned char **data, sqlite3_int64 *size, sqlite3_int64 offset, const unsigned char *from, int n) {
	if (offset + n > *size) {
		*data = need(realloc(*data, offset + n));
		memset(*data + *size, 0, offset + n - *size);
		*size = offset + n;
	}
	memcpy(*data + offset, from, n);
}

static void cut(unsigned char **data, sqlite3_int64 *size, sqlite3_int64 to) {
	if (to < *size) *size = to;
}

static void save(image *i) {
	const char *name = strrchr(i->path, '/');
	char path[8192];
	snprintf(path, sizeof path, "%s/%s", cut_dir, name ? name + 1 : i->path);
	unsigned char *data = need(malloc(i->size + 1));
	sqlite3_int64 size = i->size;
	if (i->size) memcpy(data, i->durable, i->size);
	// Of what was not synced a disk may have all, nothing, the first part, or any
	// sectors.
	int how = dice() % 4;
	uint64_t part = dice() % 100;
	for (op *o = i->first; o; o = o->next) {
		if (how == 1) break;
		if (how == 2 && dice() % 100 >= part) break;
		if (!o->data) {
			if (how != 3 || dice() % 2) cut(&data, &size, o->offset);
			continue;
		}
		for (int at = 0; at < o->length; at += SECTOR)
			if (how != 3 || dice() % 2)
				put(&data, &size, o->offset + at, o->data + at, o->length - at < SECTOR ? o->length - at : SECTOR);
	}
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(data, 1, size, f) != (size_t)size || fclose(f)) die(path);
	free(data);
}

static void save_all(void) {
	for (image *i = images; i; i = i->next) {
		if (i->left) continue;
		if (!i->exists && dice() % 2) continue; // its name may not be in the folder yet
		if (i->exists || i->first) save(i);
	}
	__atomic_store_n(&cut_at, events, __ATOMIC_SEQ_CST);
}

// event counts one more thing that a power cut could come before.
static void event(void) {
	events++;
	if (cut_in && !--cut_in) save_all();
}

static void add(image *i, const void *data, int n, sqlite3_int64 offset) {
	op *o = need(calloc(1, sizeof *o));
	o->offset = offset;
	o->length = n;
	o->number = events;
	if (data) {
		o->data = need(malloc(n));
		memcpy(o->data, data, n);
	}
	*i->last = o;
	i->last = &o->next;
}

static void drop(image *i, uint64_t upto, int keep) {
	while (i->first && i->first->number <= upto) {
		op *o = i->first;
		if (keep && o->data) put(&i->durable, &i->size, o->offset, o->data, o->length);
		if (keep && !o->data) cut(&i->durable, &i->size, o->offset);
		if (!(i->first = o->next)) i->last = &i->first;
		free(o->data);
		free(o);
	}
}

static image *find(const char *path, int make) {
	for (image *i = images; i; i = i->next)
		if (!i->left && !strcmp(i->path, path)) return i;
	if (!make) return NULL;
	image *i = need(calloc(1, sizeof *i));
	i->path = need(strdup(path));
	i->last = &i->first;
	i->next = images;
	images = i;
	FILE *f = fopen(path, "rb"); // what was there before is durable
	if (f) {
		unsigned char page[4096];
		for (size_t n; (n = fread(page, 1, sizeof page, f)) > 0;) put(&i->durable, &i->size, i->size, page, n);
		i->exists = i->size > 0;
		fclose(f);
	}
	return i;
}

static int ends(const char *path, const char *suffix) {
	size_t n = strlen(path), m = strlen(suffix);
	return n >= m && !strcmp(path + n - m, suffix);
}

#define REAL(f) (((file*)(f))->real)
#define CALL(f, m, ...) (REAL(f)->pMethods->m(REAL(f), ##__VA_ARGS__))

static int on_close(sqlite3_file *f) {
	image *i = ((file*)f)->image;
	int rc = CALL(f, xClose);
	pthread_mutex_lock(&mutex);
	if (i) i->open--;
	pthread_mutex_unlock(&mutex);
	return rc;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 o) { return CALL(f, xRead, p, n, o); }
static int on_size(sqlite3_file *f, sqlite3_int64 *n) { return CALL(f, xFileSize, n); }
static int on_lock(sqlite3_file *f, int l) { return CALL(f, xLock, l); }
static int on_unlock(sqlite3_file *f, int l) { return CALL(f, xUnlock, l); }
static int on_reserved(sqlite3_file *f, int *r) { return CALL(f, xCheckReservedLock, r); }
static int on_control(sqlite3_file *f, int op, void *p) { return CALL(f, xFileControl, op, p); }
static int on_sector(sqlite3_file *f) { return CALL(f, xSectorSize); }
static int on_device(sqlite3_file *f) { return CALL(f, xDeviceCharacteristics); }
static int on_map(sqlite3_file *f, int p, int n, int x, void volatile **pp) { return CALL(f, xShmMap, p, n, x, pp); }
static int on_shmlock(sqlite3_file *f, int o, int n, int l) { return CALL(f, xShmLock, o, n, l); }
static void on_barrier(sqlite3_file *f) { CALL(f, xShmBarrier); }
static int on_unmap(sqlite3_file *f, int d) { return CALL(f, xShmUnmap, d); }

static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 o) {
	image *i = ((file*)f)->image;
	pthread_mutex_lock(&mutex);
	int fail = fail_writes && i;
	pthread_mutex_unlock(&mutex);
	if (fail) return IOERR_WRITE;
	int rc = CALL(f, xWrite, p, n, o);
	if (rc || !i) return rc;
	pthread_mutex_lock(&mutex);
	event();
	add(i, p, n, o);
	pthread_mutex_unlock(&mutex);
	return OK;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 n) {
	image *i = ((file*)f)->image;
	int rc = CALL(f, xTruncate, n);
	if (rc || !i) return rc;
	pthread_mutex_lock(&mutex);
	event();
	add(i, NULL, 0, n);
	pthread_mutex_unlock(&mutex);
	return OK;
}

static void kill_now(int after) {
	if (kill_in && kill_after == after && !--kill_in) {
		raise(SIGKILL);
		pause();
	}
}

static int on_sync(sqlite3_file *f, int flags) {
	image *i = ((file*)f)->image;
	pthread_mutex_lock(&mutex);
	event();
	uint64_t upto = events;
	int wait = slow_ms, fail = 0;
	if (i) kill_now(0);
	if (i && fail_syncs && ends(i->path, fail_suffix)) {
		fail_syncs--;
		failed++;
		fail = 1;
		// The kernel forgets what it could not write: the next sync succeeds
		// and covers nothing of it.
		drop(i, upto, 0);
	}
	syncs++;
	pthread_mutex_unlock(&mutex);
	if (wait) usleep(wait * 1000);
	if (fail) {
		errno = EIO;
		return IOERR_FSYNC;
	}
	int rc = CALL(f, xSync, flags);
	if (rc || !i) return rc;
	pthread_mutex_lock(&mutex);
	drop(i, upto, 1);
	i->exists = 1;
	event();
	kill_now(1);
	pthread_mutex_unlock(&mutex);
	return OK;
}

static int on_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out) {
	file *mf = (file*)f;
	mf->base.pMethods = NULL;
	mf->image = NULL;
	int rc = real->xOpen(real, path, mf->real, flags, out);
	if (mf->real->pMethods) mf->base.pMethods = &methods;
	if (rc || !path || !(flags & (OPEN_MAIN_DB | OPEN_MAIN_JOURNAL | OPEN_WAL))) return rc;
	pthread_mutex_lock(&mutex);
	mf->image = find(path, 1);
	mf->image->open++;
	pthread_mutex_unlock(&mutex);
	return rc;
}

static int on_delete(sqlite3_vfs *v, const char *path, int sync) {
	int rc = real->xDelete(real, path, sync);
	if (rc) return rc;
	pthread_mutex_lock(&mutex);
	image *i = find(path, 0);
	if (i) {
		event();
		drop(i, events, 0);
		i->exists = i->size = 0; // logs are deleted when a database is closed, which no test cuts short
	}
	pthread_mutex_unlock(&mutex);
	return rc;
}

int fv_register(const char *name, int make_default) {
	if (!sqlite3_vfs_find || !sqlite3_vfs_register || !(real = sqlite3_vfs_find("unix"))) return 1;
	mine = *real;
	mine.pNext = NULL;
	mine.zName = need(strdup(name));
	mine.szOsFile = sizeof(file) + real->szOsFile;
	mine.xOpen = on_open;
	mine.xDelete = on_delete;
	methods = (sqlite3_io_methods){2, on_close, on_read, on_write, on_truncate, on_sync, on_size, on_lock, on_unlock, on_reserved,
		on_control, on_sector, on_device, on_map, on_shmlock, on_barrier, on_unmap};
	return sqlite3_vfs_register(&mine, make_default);
}

uint64_t fv_events(void) {
	pthread_mutex_lock(&mutex);
	uint64_t n = events;
	pthread_mutex_unlock(&mutex);
	return n;
}

uint64_t fv_failed(void) {
	pthread_mutex_lock(&mutex);
	uint64_t n = failed;
	pthread_mutex_unlock(&mutex);
	return n;
}

uint64_t fv_syncs(void) {
	pthread_mutex_lock(&mutex);
	uint64_t n = syncs;
	pthread_mutex_unlock(&mutex);
	return n;
}

void fv_cut_after(uint64_t n, const char *dir, uint64_t s) {
	pthread_mutex_lock(&mutex);
	snprintf(cut_dir, sizeof cut_dir, "%s", dir);
	seed = s ? s : 1;
	cut_at = 0;
	cut_in = n;
	pthread_mutex_unlock(&mutex);
}

void fv_cut_now(const char *dir, uint64_t s) {
	fv_cut_after(0, dir, s);
	pthread_mutex_lock(&mutex);
	save_all();
	pthread_mutex_unlock(&mutex);
}

uint64_t fv_cut_at(void) { return __atomic_load_n(&cut_at, __ATOMIC_SEQ_CST); }

void fv_forget(void) {
	pthread_mutex_lock(&mutex);
	for (image **at = &images; *at;) {
		image *i = *at;
		if (i->open) {
			i->left = 1;
			at = &i->next;
			continue;
		}
		*at = i->next;
		drop(i, events, 0);
		free(i->durable);
		free(i->path);
		free(i);
	}
	cut_in = fail_syncs = fail_writes = slow_ms = kill_in = 0;
	pthread_mutex_unlock(&mutex);
}

void fv_fail_sync(const char *suffix, int times) {
	pthread_mutex_lock(&mutex);
	snprintf(fail_suffix, sizeof fail_suffix, "%s", suffix);
	fail_syncs = times;
	pthread_mutex_unlock(&mutex);
}

void fv_fail_write(int on) {
	pthread_mutex_lock(&mutex);
	fail_writes = on;
	pthread_mutex_unlock(&mutex);
}

void fv_slow_sync(int ms) {
	pthread_mutex_lock(&mutex);
	slow_ms = ms;
	pthread_mutex_unlock(&mutex);
}

void fv_kill_at_sync(int n, int after) {
	pthread_mutex_lock(&mutex);
	kill_in = n;
	kill_after = after;
	pthread_mutex_unlock(&mutex);
}
