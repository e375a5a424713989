"""Asks this machine's kernel what BPF_PROG_TEST_RUN answers. One JSON case a line in, one JSON answer a line out."""
import ctypes
import json
import os
import resource
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
SYS_BPF = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 321)
PROG_LOAD, TEST_RUN = 5, 10
ATTR_SIZE = 160
loaded = {}


def bpf(command, attr):
    buffer = ctypes.create_string_buffer(attr.ljust(ATTR_SIZE, b"\0"), ATTR_SIZE)
    result = libc.syscall(SYS_BPF, command, buffer, ATTR_SIZE)
    return (result if result >= 0 else -ctypes.get_errno()), buffer.raw


def load(case):
    """A descriptor of the case's program, or a negative errno; programs are kept for later cases."""
    key = (case["type"], case["insns"], case.get("attach", 0), case.get("load_flags", 0))
    if key not in loaded:
        code = bytes.fromhex(case["insns"])
        insns = ctypes.create_string_buffer(code, len(code))
        license_ = ctypes.create_string_buffer(b"GPL")
        attr = struct.pack("<IIQQIIQII16sII", case["type"], len(code) // 8, ctypes.addressof(insns),
                           ctypes.addressof(license_), 0, 0, 0, 0, case.get("load_flags", 0), b"", 0,
                           case.get("attach", 0))
        loaded[key] = bpf(PROG_LOAD, attr)[0]
    return loaded[key]


def buffer(size, content=b""):
    """A pointer and its buffer for a size of the case; null for None."""
    if size is None:
        return 0, None
    # With a size of 0 the kernel writes all it has.
    made = ctypes.create_string_buffer(content, size or 1 << 18)
    return ctypes.addressof(made), made


def answer(case):
    fd = load(case)
    if fd < 0:
        return {"load": fd}
    opts = case["opts"]
    data = bytes.fromhex(opts["data_in"]) if opts.get("data_in") is not None else None
    context = bytes.fromhex(opts["ctx_in"]) if opts.get("ctx_in") is not None else None
    out_size, context_out_size = opts.get("data_out"), opts.get("ctx_out")
    data_pointer, _data = buffer(None if data is None else len(data), data or b"")
    context_pointer, context_buffer = buffer(None if context is None else len(context), context or b"")
    out_pointer, out = buffer(out_size)
    context_out_pointer, context_out = buffer(context_out_size)
    attr = struct.pack("<IIIIQQIIIIQQIII", fd, 0, len(data or b""), out_size or 0, data_pointer, out_pointer,
                       opts.get("repeat", 0), opts.get("duration", 0), len(context or b""), context_out_size or 0,
                       context_pointer, context_out_pointer, opts.get("flags", 0), opts.get("cpu", 0),
                       opts.get("batch_size", 0))
    error, raw = bpf(TEST_RUN, attr)
    _, retval, _, data_size_out, _, _, _, _, _, ctx_size_out = struct.unpack_from("<IIIIQQIIII", raw)
    result = {"error": error, "retval": retval, "data_size_out": data_size_out, "ctx_size_out": ctx_size_out}
    if out_size:
        result["data_out"] = out.raw[:out_size].hex()
    if context_out_size:
        result["ctx_out"] = context_out.raw[:context_out_size].hex()
    if context:
        after = context_buffer.raw[:len(context)]
        if after != context:
            result["ctx_in"] = after.hex()
    return result


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), separators=(",", ":")), flush=True)
