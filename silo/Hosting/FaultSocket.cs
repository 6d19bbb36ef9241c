using System.Globalization;
using System.Net.Sockets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>
/// Lets a test of faults strike exactly at the <see cref="FaultPoints"/> of this silo, over a Unix socket that the test
/// listens on. Lines of the silo: <c>silo NAME PROCESS</c> once, <c>at POINT STEP</c> where a thread stands still, and
/// <c>by POINT STEP</c> for points that are watched. Lines of the test: <c>arm POINT STEP SKIP</c> stops one thread
/// that comes to the point at that step or later, after so many passes; <c>pass POINT</c> takes that back and lets the
/// thread go on; <c>fail POINT WORDS</c> does so too, and what the thread was to do fails as libtorch does, with these
/// words; and <c>watch POINT</c>. When the test goes away, everything passes.
/// </summary>
public sealed class FaultSocket
{
    /// <summary>The variable that names the socket; nothing is listened to without it.</summary>
    public const string Variable = "GPT2CLUSTER_FAULT_POINTS";

    private readonly StreamReader reader;
    private readonly StreamWriter writer;
    private readonly Dictionary<FaultPoint, Stop> stops = Enum.GetValues<FaultPoint>().ToDictionary(
        point => point, _ => new Stop());

    private FaultSocket(StreamReader reader, StreamWriter writer)
    {
        this.reader = reader;
        this.writer = writer;
    }

    /// <summary>Connects to the test, if one is named.</summary>
    /// <param name="silo">The silo's name.</param>
    /// <exception cref="UserErrorException">Nobody listens on the socket.</exception>
    public static void ConnectIfNamed(SiloName silo)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
            return;
        try
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path));
            var stream = new NetworkStream(socket, ownsSocket: true);
            var faults = new FaultSocket(new StreamReader(stream), new StreamWriter(stream) { AutoFlush = true });
            faults.Say($"silo {silo} {Environment.ProcessId}");
            FaultPoints.Listen(faults.Reached);
            DedicatedThread.Start("fault points", faults.Listen);
        }
        catch (SocketException problem)
        {
            throw new UserErrorException($"Nobody listens on {path}, which {Variable} names: {problem.Message}");
        }
    }

    private void Reached(FaultPoint point, long step)
    {
        var stop = stops[point];
        if (stop.IsWatched)
            Say($"by {point} {step}");
        if (!stop.Takes(step))
            return;
        Say($"at {point} {step}");
        stop.Gate.Wait();
        if (stop.TakeFailure() is { } words)
            throw new InvalidOperationException(words);
    }

    private void Say(string line)
    {
        try
        {
            lock (writer)
                writer.WriteLine(line);
        }
        catch (IOException)
        {
            // The test is gone; whoever listens to it lets everything pass.
        }
    }

    private void Listen()
    {
        try
        {
            while (reader.ReadLine() is { } line)
                Obey(line.Split(' ', 3), line.Split(' '));
        }
        catch (IOException)
        {
            // The test is gone.
        }

        FaultPoints.Listen(null);
        foreach (var stop in stops.Values)
            stop.Pass();
    }

    private void Obey(string[] parts, string[] words)
    {
        var stop = stops[Enum.Parse<FaultPoint>(words[1])];
        switch (words[0])
        {
            case "arm": stop.Arm(Number(words[2]), Number(words[3])); break;
            case "pass": stop.Pass(); break;
            case "fail": stop.Fail(parts[2]); break;
            case "watch": stop.IsWatched = true; break;
            default: throw new InvalidOperationException($"A test of faults says '{words[0]}', which means nothing.");
        }
    }

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);

    /// <summary>What is to happen at one point.</summary>
    private sealed class Stop
    {
        private const long NotArmed = long.MaxValue;

        private long armedFrom = NotArmed;
        private long skipped;
        private string? failure;

        public ManualResetEventSlim Gate { get; } = new();

        public volatile bool IsWatched;

        public void Arm(long step, long skip)
        {
            Gate.Reset();
            Volatile.Write(ref skipped, skip);
            Volatile.Write(ref armedFrom, step);
        }

        /// <summary>Whether the calling thread is the one to stand still.</summary>
        public bool Takes(long step) => step >= Volatile.Read(ref armedFrom)
            && Interlocked.Decrement(ref skipped) < 0
            && Interlocked.Exchange(ref armedFrom, NotArmed) != NotArmed;

        /// <summary>The words that the thread which stood there is to fail with; null for none.</summary>
        public string? TakeFailure() => Interlocked.Exchange(ref failure, null);

        public void Fail(string words)
        {
            Interlocked.Exchange(ref failure, words);
            Pass();
        }

        public void Pass()
        {
            Volatile.Write(ref armedFrom, NotArmed);
            Gate.Set();
        }
    }
}
