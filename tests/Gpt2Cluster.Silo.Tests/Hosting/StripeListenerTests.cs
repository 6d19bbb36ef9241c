using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Gpt2Cluster.Silo.Hosting;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Settings;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Silo.Tests.Hosting;

public sealed class StripeListenerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private static readonly SiloSettings Settings = new()
    {
        ClusterId = "test",
        Store = StoreAddress.Parse("embedded:0"),
        SiloPort = 0,
        GatewayPort = 0,
        StripePort = 0,
        Http = new IPEndPoint(IPAddress.Loopback, 0),
        Advertised = IPAddress.Loopback,
        Devices = "cpu",
        DataFolder = Path.GetTempPath(),
        KeepUnusedDays = 7,
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_the_channel_says_goes_to_the_silos_log_also_from_before_there_is_one(bool isEarly)
    {
        var logger = new TaskCompletionSource<ILogger>();
        var log = new ChannelLogger();
        if (!isEarly)
            logger.SetResult(log);
        using var endpoints = Endpoints.Claim(Settings);
        await using var stripes = StripeListener.Open("a".Silo(), Settings, endpoints, logger.Task);
        await SendGarbage(stripes.Port);
        if (isEarly)
            logger.SetResult(log);

        using var deadline = new CancellationTokenSource(Deadline);
        var (level, sentence) = await log.Written.Reader.ReadAsync(deadline.Token);
        Assert.Equal(LogLevel.Information, level);
        Assert.StartsWith("Stripe channel, 127.0.0.1", sentence, StringComparison.Ordinal);
    }

    /// <summary>Returns when the channel has cut the connection off.</summary>
    private static async Task SendGarbage(int port)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port, deadline.Token);
        await socket.SendAsync(Enumerable.Repeat((byte)7, 4096).ToArray(), deadline.Token);
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1], deadline.Token));
        }
        catch (SocketException)
        {
            // Cut off with bytes unread, which is a reset.
        }
    }

    private sealed class ChannelLogger : ILogger
    {
        public Channel<(LogLevel Level, string Sentence)> Written { get; } =
            Channel.CreateUnbounded<(LogLevel Level, string Sentence)>();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Written.Writer.TryWrite((logLevel, formatter(state, exception)));
    }
}
