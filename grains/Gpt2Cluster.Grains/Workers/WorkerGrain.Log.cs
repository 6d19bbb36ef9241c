using Gpt2Cluster.Core.Names;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

internal sealed partial class WorkerGrain
{
    [LoggerMessage(201, LogLevel.Information,
        "Worker {Worker} drops an order of run {Run}, generation {Generation}: it serves generation {Current}.")]
    private partial void LogStale(WorkerId worker, RunName run, int generation, int current);
}
