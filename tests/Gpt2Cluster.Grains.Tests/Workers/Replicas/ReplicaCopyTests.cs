using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Workers.Replicas;

namespace Gpt2Cluster.Grains.Tests.Workers.Replicas;

public sealed class ReplicaCopyTests : IDisposable
{
    // More elements than a range and a piece have, so that both sources give some and a part has two hashes.
    private static readonly ModelShape Shape = new(60_000, 16, 20, 2, 2);

    private readonly FakeReplica live = new(Shape);
    private readonly FakeReplica joiner = new(Shape);
    private readonly Dictionary<string, Source> sources;

    public ReplicaCopyTests()
    {
        live.Initialize(seed: 5);
        live.Loaded(7);
        sources = new() { ["a/0"] = new Source(live), ["b/0"] = new Source(live) };
    }

    public void Dispose()
    {
        live.Dispose();
        joiner.Dispose();
    }

    [Fact]
    public void What_is_copied_is_what_the_sources_hold()
    {
        Copy();
        Assert.Equal(7, joiner.Step);
        foreach (var part in Enum.GetValues<ReplicaPart>())
            Assert.Equal(ReplicaPieces.Of(live, part, 0, 2), ReplicaPieces.Of(joiner, part, 0, 2));
        Assert.All(sources.Values, source => Assert.True(source.ReadCount > 0));
    }

    [Fact]
    public void The_hashes_of_some_pieces_are_those_of_all_at_their_places()
    {
        var both = ReplicaPieces.Of(live, ReplicaPart.Parameters, 0, 2);
        Assert.Equal(both[..(both.Length / 2)], ReplicaPieces.Of(live, ReplicaPart.Parameters, 0, 1));
        Assert.Equal(both[(both.Length / 2)..], ReplicaPieces.Of(live, ReplicaPart.Parameters, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReplicaPieces.Of(live, ReplicaPart.Parameters, 1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReplicaPieces.Of(live, ReplicaPart.Parameters, -1, 1));
    }

    [Fact]
    public void A_source_that_gives_something_else_is_found()
    {
        sources["b/0"].IsFalse = true;
        var problem = Assert.Throws<InvalidDataException>(Copy);
        Assert.Equal("piece 0 of the copied Parameters is not what worker a/0 holds", problem.Message);
        Assert.Equal(0, joiner.Step);
    }

    [Fact]
    public void A_source_of_another_step_is_refused()
    {
        live.Loaded(8);
        Assert.Throws<IOException>(Copy);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_sources_fault_comes_without_its_words(bool onlyHashes)
    {
        (sources["b/0"].Fault, sources["a/0"].Fault) = (Lost, onlyHashes ? Lost : null);
        (sources["b/0"].OnlyHashes, sources["a/0"].OnlyHashes) = (onlyHashes, onlyHashes);
        var problem = Assert.Throws<IOException>(Copy);
        Assert.Equal($"worker {(onlyHashes ? "a/0" : "b/0")} could not be read", problem.Message);
        Assert.Null(problem.InnerException);
        Assert.Equal(DeviceFailure.Other, DeviceFailures.Of(problem));
        Assert.Equal(0, joiner.Step);
    }

    private static Exception Lost =>
        new InvalidOperationException("CUDA error: an illegal memory access was encountered");

    private void Copy()
    {
        var order = new PrepareReplica("c/0".Worker(), 1, ReplicaSource.Copy, 7, ["a/0".Worker(), "b/0".Worker()]);
        var copy = new ReplicaCopy(key => sources[key.ToString()], "run1".Run(), order);
        BlockingWait.RunHere(() => copy.Run(joiner, CancellationToken.None));
    }

    private sealed class Source(FakeReplica replica) : IWorker
    {
        public bool IsFalse { get; set; }

        /// <summary>What it answers with.</summary>
        public Exception? Fault { get; set; }

        /// <summary>Whether ranges are given nevertheless.</summary>
        public bool OnlyHashes { get; set; }

        public int ReadCount { get; private set; }

        public Task<ReplicaRange?> ReadReplica(RunName run, ReplicaPart part, long start, int count)
        {
            ReadCount++;
            if (Fault is not null && !OnlyHashes)
                return Task.FromException<ReplicaRange?>(Fault);
            var bytes = new byte[count * sizeof(float)];
            replica.Read(part, start, MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
            if (IsFalse)
                bytes[0] ^= 1;
            return Task.FromResult<ReplicaRange?>(new ReplicaRange(replica.Step, bytes));
        }

        public Task<ReplicaRange?> HashReplica(RunName run, ReplicaPart part, int firstPiece, int count) =>
            Fault is not null ? Task.FromException<ReplicaRange?>(Fault) : Task.FromResult<ReplicaRange?>(
                new ReplicaRange(replica.Step, ReplicaPieces.Of(replica, part, firstPiece, count)));

        public Task<bool> Prepare(
            RunSpecification specification, PrepareReplica order, CheckpointEntry? checkpoint, bool reportsExchange) =>
            throw new NotSupportedException();

        public Task<bool> Plan(RunName run, PlanStep order) => throw new NotSupportedException();

        public Task<bool> Validate(RunName run, Validate order) => throw new NotSupportedException();

        public Task<bool> Sample(RunName run, Sample order) => throw new NotSupportedException();

        public Task<bool> Checkpoint(RunRecord record, WriteCheckpoint order) => throw new NotSupportedException();

        public Task Release(RunName run, int generation) => throw new NotSupportedException();

        public Task<WorkerPosition?> Stand() => throw new NotSupportedException();
    }
}
