namespace Gpt2Cluster.Silo.Hosting;

/// <summary>How far this silo has come, for <c>/readyz</c>.</summary>
public sealed class SiloState
{
    private volatile bool isRegistered;

    /// <summary>Whether it is in the cluster and the cluster knows its workers.</summary>
    public bool IsReady
    {
        get => isRegistered;
        set => isRegistered = value;
    }
}
