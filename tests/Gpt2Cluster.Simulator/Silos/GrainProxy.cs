using System.Reflection;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>Stands for a grain wherever it is: its calls become messages.</summary>
internal class GrainProxy : DispatchProxy
{
    private Func<MethodInfo, object?[], Task> call = null!;

    /// <summary>Makes a proxy of an interface.</summary>
    public static T Of<T>(Func<MethodInfo, object?[], Task> call)
        where T : class
    {
        var proxy = Create<T, GrainProxy>();
        ((GrainProxy)(object)proxy).call = call;
        return proxy;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => call(targetMethod!, args ?? []);
}
