/* Records what a process makes durable below a folder, and what it says to other processes.
 *
 * Preloaded into the daemon. After each fsync or fdatasync that succeeded it appends what was synced,
 * as it was when the call began: of a file its content, of a folder its names. That is all that a
 * power failure must leave; sync_file_range is no promise and is not looked at. What is sent over a
 * socket is recorded before it is sent, so that the record tells what came first.
 *
 * A sync that this does not see (a raw system call) can only make the test that reads the record
 * stricter, never more lenient: contents are read from the files themselves.
 *
 * The record, in the machine's byte order, is one write per entry:
 *   u32 length of what follows, u32 kind, u32 process, then
 *   kind 1, file:   u32 call (1 fsync, 2 fdatasync), identity, u32 mode, text path, bytes content
 *   kind 2, folder: u32 call, identity, u32 mode, text path, u32 count, and for each name:
 *                   identity, u32 mode, text name, text target of a symbolic link
 *   kind 3, sent:   bytes
 * An identity is u64 inode and i64 nanoseconds of birth: inode numbers are used again. Texts and
 * bytes have a u32 length before them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KIND_FILE = 1, KIND_FOLDER = 2, KIND_SENT = 3 };

struct entry {
    char *bytes;
    size_t length, room;
};

/* A recorder that cannot record must not let the test pass. */
static void give_up(const char *what) {
    dprintf(2, "power loss recorder: %s: %s\n", what, strerror(errno));
    abort();
}

static void add(struct entry *entry, const void *bytes, size_t length) {
    if (entry->length + length > entry->room) {
        entry->room = (entry->length + length) * 2;
        entry->bytes = realloc(entry->bytes, entry->room);
        if (!entry->bytes)
            give_up("memory");
    }
    memcpy(entry->bytes + entry->length, bytes, length);
    entry->length += length;
}

static void add_u32(struct entry *entry, uint32_t value) {
    add(entry, &value, sizeof value);
}

static void add_bytes(struct entry *entry, const void *bytes, size_t length) {
    add_u32(entry, (uint32_t)length);
    add(entry, bytes, length);
}

static struct entry begin(uint32_t kind) {
    struct entry entry = {0};
    add_u32(&entry, 0);
    add_u32(&entry, kind);
    add_u32(&entry, (uint32_t)getpid());
    return entry;
}

/* Appends an entry: one write to a file opened for appending is not torn by another process's. */
static void append(struct entry *entry) {
    const char *record = getenv("POWER_LOSS_RECORD");
    uint32_t length = (uint32_t)(entry->length - sizeof length);
    memcpy(entry->bytes, &length, sizeof length);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, record, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        give_up("the record");
    if (syscall(SYS_write, fd, entry->bytes, entry->length) != (long)entry->length)
        give_up("the record");
    close(fd);
    free(entry->bytes);
}

static void add_identity(struct entry *entry, const struct statx *found) {
    uint64_t inode = found->stx_ino;
    int64_t birth = 0;
    if (found->stx_mask & STATX_BTIME)
        birth = found->stx_btime.tv_sec * 1000000000 + found->stx_btime.tv_nsec;
    add(entry, &inode, sizeof inode);
    add(entry, &birth, sizeof birth);
    add_u32(entry, found->stx_mode);
}

static void add_content(struct entry *entry, int fd) {
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    int file = open(again, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        give_up("a file that is synced");
    size_t at = entry->length;
    add_u32(entry, 0);
    char block[65536];
    ssize_t got;
    while ((got = read(file, block, sizeof block)) > 0)
        add(entry, block, (size_t)got);
    if (got < 0)
        give_up("a file that is synced");
    uint32_t length = (uint32_t)(entry->length - at - sizeof length);
    memcpy(entry->bytes + at, &length, sizeof length);
    close(file);
}

static void add_names(struct entry *entry, int fd) {
    int folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = folder < 0 ? NULL : fdopendir(folder);
    if (!names)
        give_up("a folder that is synced");
    size_t at = entry->length;
    uint32_t count = 0;
    add_u32(entry, 0);
    struct dirent *name;
    while ((name = readdir(names))) {
        struct statx found;
        if (!strcmp(name->d_name, ".") || !strcmp(name->d_name, ".."))
            continue;
        /* Removed meanwhile by another thread. */
        if (statx(folder, name->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &found))
            continue;
        char target[PATH_MAX];
        ssize_t length = 0;
        if (S_ISLNK(found.stx_mode))
            length = readlinkat(folder, name->d_name, target, sizeof target);
        add_identity(entry, &found);
        add_bytes(entry, name->d_name, strlen(name->d_name));
        add_bytes(entry, target, length < 0 ? 0 : (size_t)length);
        count++;
    }
    memcpy(entry->bytes + at, &count, sizeof count);
    closedir(names);
}

/* What a sync will have made durable, if it is of anything below the folder. */
static int look(int fd, uint32_t call, struct entry *entry) {
    const char *root = getenv("POWER_LOSS_ROOT");
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!root || length < 0)
        return 0;
    path[length] = 0;
    if (strncmp(path, root, strlen(root)))
        return 0;
    struct statx found;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &found))
        return 0;
    int is_folder = S_ISDIR(found.stx_mode);
    *entry = begin(is_folder ? KIND_FOLDER : KIND_FILE);
    add_u32(entry, call);
    add_identity(entry, &found);
    add_bytes(entry, path, (size_t)length);
    if (is_folder)
        add_names(entry, fd);
    else
        add_content(entry, fd);
    return 1;
}

static int synced(int fd, uint32_t call, const char *symbol) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, symbol);
    struct entry entry;
    int is_ours = look(fd, call, &entry);
    int result = real(fd);
    int error = errno;
    if (is_ours && result == 0)
        append(&entry);
    else if (is_ours)
        free(entry.bytes);
    errno = error;
    return result;
}

int fsync(int fd) { return synced(fd, 1, "fsync"); }
int fdatasync(int fd) { return synced(fd, 2, "fdatasync"); }

static void sent(int fd, const struct iovec *parts, size_t count) {
    struct stat found;
    int error = errno;
    if (fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode)) {
        struct entry entry = begin(KIND_SENT);
        size_t at = entry.length;
        add_u32(&entry, 0);
        for (size_t i = 0; i < count; i++)
            add(&entry, parts[i].iov_base, parts[i].iov_len);
        uint32_t length = (uint32_t)(entry.length - at - sizeof length);
        memcpy(entry.bytes + at, &length, sizeof length);
        append(&entry);
    }
    errno = error;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct iovec part = {(void *)bytes, length};
    sent(fd, &part, 1);
    return syscall(SYS_write, fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    sent(fd, parts, (size_t)count);
    return syscall(SYS_writev, fd, parts, count);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    struct iovec part = {(void *)bytes, length};
    sent(fd, &part, 1);
    return syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length) {
    struct iovec part = {(void *)bytes, length};
    sent(fd, &part, 1);
    return syscall(SYS_sendto, fd, bytes, length, flags, to, to_length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    sent(fd, message->msg_iov, message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}
