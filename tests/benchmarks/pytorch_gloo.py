"""All-reduce over gloo between processes of this machine, measured like `Gpt2Cluster.Exchange.Benchmarks`.

Every process fills a buffer; a barrier stands before each round; the figure is the largest median of all processes.
"""

import argparse
import os
import statistics
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

WARM_UP = 2


def participant(rank, arguments):
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    os.environ["MASTER_PORT"] = str(arguments.port)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", rank=rank, world_size=arguments.silos)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // arguments.silos))
    seconds = []
    for current in range(WARM_UP + arguments.rounds):
        if current == 0:
            values = torch.ones(arguments.floats, dtype=torch.float32)
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(values)
        elapsed = time.perf_counter() - start
        if current >= WARM_UP:
            seconds.append(elapsed)
    assert float(values[-1]) == float(arguments.silos) ** (WARM_UP + arguments.rounds)
    median = torch.tensor([statistics.median(seconds)], dtype=torch.float64)
    dist.all_reduce(median, op=dist.ReduceOp.MAX)
    if rank == 0:
        slowest = float(median[0])
        rate = arguments.floats * 4 / slowest / 1e9
        print("rank-0 rounds", " ".join(f"{second:.4f}" for second in seconds))
        print(
            f"gloo silos {arguments.silos} floats {arguments.floats} "
            f"seconds {slowest:.4f} gigabytes_per_second {rate:.3f}"
        )
    dist.barrier()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--silos", type=int, default=2)
    parser.add_argument("--floats", type=int, default=124439808)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=29541)
    arguments = parser.parse_args()
    mp.spawn(participant, args=(arguments,), nprocs=arguments.silos)


if __name__ == "__main__":
    main()
