namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// How patient coordinators are, as far as whoever runs the silos may want it otherwise: no bit depends on it.
/// </summary>
public sealed record RunOptions
{
    /// <summary>
    /// How long a run that waits for workers waits before it takes those again that it did without for their troubles,
    /// which may have passed; or ends, if all were refused for their compute profile and none has come since. When a
    /// cluster is started, its silos do not come at once. 1 s to 1 day; 30 s.
    /// </summary>
    public TimeSpan WaitingPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a run that is done, and the last worker that leaves, wait until the last checkpoint lies on a second
    /// disk; a copy that takes longer goes on behind them. 1 s to 1 day; 30 s.
    /// </summary>
    public TimeSpan LastCopyPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A run that does not move for this long, and ten steps of the last one's length, says so; a disk that takes this
    /// long for a checkpoint, beside its bytes, hangs. 30 s to 1 day; 2 minutes.
    /// </summary>
    public TimeSpan StallPatience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// What a disk writes at least, bytes a second: one that takes longer for a checkpoint, and the stall's patience,
    /// hangs. 1 kB/s to 1 TB/s; 20 MB/s.
    /// </summary>
    public double SlowDiskBytesPerSecond { get; init; } = 20e6;

    /// <summary>The options themselves, if they are sound.</summary>
    /// <exception cref="UserErrorException">A value is out of its range; the message names it.</exception>
    public RunOptions Checked()
    {
        (string Name, TimeSpan Value, int LeastSeconds)[] patiences =
        [
            ("waiting-patience", WaitingPatience, 1),
            ("last-copy-patience", LastCopyPatience, 1),
            ("stall-patience", StallPatience, 30),
        ];
        foreach (var (name, value, least) in patiences)
        {
            if (value < TimeSpan.FromSeconds(least) || value > TimeSpan.FromDays(1))
            {
                throw new UserErrorException(
                    $"coordinator:{name} is {least} to 86400 seconds, not {value.TotalSeconds:0.###}.");
            }
        }

        return SlowDiskBytesPerSecond is >= 1e3 and <= 1e12
            ? this
            : throw new UserErrorException(
                $"coordinator:slow-disk is 0.001 to 1000000 MB/s, not {SlowDiskBytesPerSecond / 1e6:0.######}.");
    }
}
