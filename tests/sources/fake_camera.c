/* A camera that exists only for the process this is preloaded into: answers Video4Linux for one file.

   FAKE_CAMERA names a regular file, which holds the buffers; FAKE_CAMERA.mode holds one letter that tests change:
   l live, f frozen, s silent, u unplugged. FAKE_CAMERA.0.jpg and .1.jpg are shown in turn where MJPG is asked. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (1 << 21)
#define MOST 8

static int camera = -1;
static struct v4l2_pix_format format = {.width = 320, .height = 240, .pixelformat = V4L2_PIX_FMT_YUYV};
static unsigned queue[MOST], head, tail, count, shown;

static char mode(void) {
    char path[4096], letter = 'u';
    snprintf(path, sizeof path, "%s.mode", getenv("FAKE_CAMERA"));
    FILE *file = fopen(path, "r");
    if (file) {
        letter = fgetc(file);
        fclose(file);
    }
    return letter;
}

static int fail(int error) {
    errno = error;
    return -1;
}

static int opened(const char *path, int fd) {
    const char *ours = getenv("FAKE_CAMERA");
    if (fd >= 0 && ours && !strcmp(path, ours)) {
        if (mode() == 'u') {
            close(fd);
            return fail(ENODEV);
        }
        camera = fd;
        head = tail = count = 0;
        if (ftruncate(fd, MOST * BUFFER)) return fail(EIO);
    }
    return fd;
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        va_list more;                                           \
        va_start(more, flags);                                  \
        int permissions = va_arg(more, int);                    \
        va_end(more);                                           \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
        return opened(path, real(path, flags, permissions));    \
    }
OPEN(open)
OPEN(open64)

static unsigned paint(unsigned index) {
    static unsigned char data[BUFFER];
    unsigned size = format.width * format.height * 2;
    if (format.pixelformat == V4L2_PIX_FMT_MJPEG) {
        char path[4096];
        snprintf(path, sizeof path, "%s.%u.jpg", getenv("FAKE_CAMERA"), shown % 2);
        FILE *file = fopen(path, "rb");
        size = fread(data, 1, BUFFER, file);
        fclose(file);
    } else {
        for (unsigned i = 0; i < size; i++) data[i] = i % 2 ? 128 : 40 + shown % 2 * 80;
    }
    if (pwrite(camera, data, size, (off_t)index * BUFFER) < 0) return 0;
    return size;
}

static int dequeue(struct v4l2_buffer *buffer) {
    usleep(20000);
    while (mode() == 's') usleep(20000);
    if (mode() == 'u') return fail(ENODEV);
    if (head == tail) return fail(EAGAIN);
    buffer->index = queue[tail++ % MOST];
    if (mode() == 'l') shown++;
    buffer->bytesused = paint(buffer->index);
    buffer->length = BUFFER;
    return 0;
}

static int set_format(struct v4l2_format *wanted) {
    struct v4l2_pix_format *pix = &wanted->fmt.pix;
    if (pix->pixelformat != V4L2_PIX_FMT_MJPEG) pix->pixelformat = V4L2_PIX_FMT_YUYV;
    pix->bytesperline = pix->width * 2;
    pix->sizeimage = pix->width * pix->height * 2;
    format = *pix;
    return 0;
}

static int answer(unsigned long request, void *argument) {
    struct v4l2_buffer *buffer = argument;
    if (mode() == 'u') return fail(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "fake");
        capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_G_INPUT: *(int *)argument = 0; return 0;
    case VIDIOC_S_INPUT: return 0;
    case VIDIOC_ENUMINPUT: return ((struct v4l2_input *)argument)->index ? fail(EINVAL) : 0;
    case VIDIOC_G_FMT: ((struct v4l2_format *)argument)->fmt.pix = format; return 0;
    case VIDIOC_S_FMT: return set_format(argument);
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: return 0;
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wanted = argument;
        if (wanted->count > MOST) wanted->count = MOST;
        count = wanted->count;
        return 0;
    }
    case VIDIOC_QUERYBUF:
        if (buffer->index >= count) return fail(EINVAL);
        buffer->m.offset = buffer->index * BUFFER;
        buffer->length = BUFFER;
        return 0;
    case VIDIOC_QBUF: queue[head++ % MOST] = buffer->index; return 0;
    case VIDIOC_DQBUF: return dequeue(buffer);
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF: head = request == VIDIOC_STREAMOFF ? tail : head; return 0;
    default: return fail(EINVAL);
    }
}

int ioctl(int fd, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (fd >= 0 && fd == camera) return answer(request & 0xffffffff, argument);
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, argument);
}

int close(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    if (fd == camera) camera = -1;
    return real(fd);
}
