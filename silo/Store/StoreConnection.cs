using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Retries;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Store;

/// <summary>Waits until the store answers, before Orleans needs it.</summary>
/// <param name="host">The store's host.</param>
/// <param name="port">Its port.</param>
/// <param name="password">Its password; null for none.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of every attempt that failed.</param>
public sealed partial class StoreConnection(
    string host, int port, string? password, TimeProvider time, ILogger<StoreConnection> logger) : IHostedService
{
    /// <summary>How long a silo waits for its store at the start.</summary>
    public static readonly TimeSpan WaitBound = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>How Orleans' clustering and storage reach the store.</summary>
    public ConfigurationOptions Options() => new()
    {
        EndPoints = { { host, port } },
        Password = password,
        AbortOnConnectFail = false,
        ConnectTimeout = 2000,
        AsyncTimeout = 5000,
        ReconnectRetryPolicy = new LinearRetry(500),
    };

    /// <inheritdoc/>
    /// <exception cref="UserErrorException">The store did not answer in time or refused the password.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var policy = new RetryPolicy(
            new()
            {
                Operation = "store-connect",
                IsTransient = problem => problem is RedisException,
                Bound = WaitBound,
                Pause = Pause,
                OnRetry = failed => LogWaiting(
                    host, port, Words(failed.Problem), (int)failed.Elapsed.TotalSeconds, (int)WaitBound.TotalSeconds),
            },
            time);
        try
        {
            await policy.Run(_ => Connect(), cancellationToken);
        }
        catch (RedisException problem)
        {
            throw new UserErrorException(
                $"The store at {host}:{port} did not answer within {WaitBound.TotalSeconds:0} s ({Words(problem)}); "
                + "start it, or name another one with --redis.");
        }
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task Connect()
    {
        var options = Options();
        options.AbortOnConnectFail = true;
        options.ConnectRetry = 1;
        try
        {
            await using var connection = await ConnectionMultiplexer.ConnectAsync(options);
            await connection.GetDatabase().PingAsync();
        }
        catch (RedisConnectionException problem)
            when (problem.FailureType == ConnectionFailureType.AuthenticationFailure)
        {
            throw new UserErrorException(
                $"The store at {host}:{port} refused the password; name the right one with --redis-password-file.");
        }
    }

    private static string Words(Exception problem) =>
        problem is RedisConnectionException connection ? connection.FailureType.ToString() : problem.Message;

    [LoggerMessage(
        LogLevel.Warning,
        "The store at {Host}:{Port} does not answer yet ({Failure}); trying again, {Waited} s of {Bound} s waited.")]
    private partial void LogWaiting(string host, int port, string failure, int waited, int bound);
}
