# How glance is served: one worker, which says when it is ready and ends with the process that started it.
import ctypes
import signal

bind = "10.199.0.2:9292"
workers = 1
threads = 4
# It would lie in the home directory.
control_socket_disable = True
# Uploads take as long as they take.
timeout = 0
PR_SET_PDEATHSIG = 1


def post_fork(server, worker):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def post_worker_init(worker):
    print("glance is ready", flush=True)
