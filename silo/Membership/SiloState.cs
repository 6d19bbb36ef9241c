using Gpt2Cluster.Core;

namespace Gpt2Cluster.Silo.Membership;

/// <summary>How far this silo has come, for <c>/readyz</c>.</summary>
public sealed class SiloState(IHostApplicationLifetime lifetime)
{
    private volatile bool isRegistered;

    /// <summary>Whether it is in the cluster and the cluster knows its workers.</summary>
    public bool IsReady
    {
        get => isRegistered;
        set => isRegistered = value;
    }

    /// <summary>Why it cannot be in the cluster, so that it stops; null while nothing keeps it out.</summary>
    public UserErrorException? Error { get; private set; }

    /// <summary>It cannot be in the cluster: it stops.</summary>
    public void Stop(UserErrorException reason)
    {
        Error = reason;
        lifetime.StopApplication();
    }
}
