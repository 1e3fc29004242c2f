/* Preloaded into every process of a trial: notes each name that is resolved and each address of the internet that
   something is sent to, a line each, in the file that NETWORK_LOG names. Loopback addresses are nobody else's. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *what, const char *where) {
    const char *log = getenv("NETWORK_LOG");
    int file = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    char line[512];
    int length = snprintf(line, sizeof line, "%d %s %s\n", (int)getpid(), what, where ? where : "");
    if (file >= 0) {
        if (write(file, line, length) < 0) abort();
        close(file);
    }
}

static void note_address(const char *what, const struct sockaddr *to) {
    char text[INET6_ADDRSTRLEN] = "";
    if (to && to->sa_family == AF_INET) {
        const struct in_addr *address = &((const struct sockaddr_in *)to)->sin_addr;
        if ((ntohl(address->s_addr) >> 24) != 127) note(what, inet_ntop(AF_INET, address, text, sizeof text));
    } else if (to && to->sa_family == AF_INET6) {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)to)->sin6_addr;
        if (!IN6_IS_ADDR_LOOPBACK(address)) note(what, inet_ntop(AF_INET6, address, text, sizeof text));
    }
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    note("resolves", name);
    return real(name, service, hints, found);
}

struct hostent *gethostbyname(const char *name) {
    struct hostent *(*real)(const char *) = dlsym(RTLD_NEXT, "gethostbyname");
    note("resolves", name);
    return real(name);
}

int connect(int fd, const struct sockaddr *to, socklen_t length) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    note_address("connects to", to);
    return real(fd, to, length);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "sendto");
    note_address("sends to", to);
    return real(fd, data, size, flags, to, length);
}
