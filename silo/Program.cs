using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Hosting;
using Gpt2Cluster.Silo.Settings;

try
{
    if (new SiloCommandLine().Read(args, SiloCommandLine.DefaultConfiguration()) is not { } settings)
        return 0;
    if (settings.StopsWithParent)
        Native.LeaveProcessGroup();
    await using var silo = SiloHost.Build(settings);
    var state = silo.Services.GetRequiredService<SiloState>();
    await silo.RunAsync();
    return state.Error is { } error ? throw error : 0;
}
catch (UserErrorException error)
{
    Console.Error.WriteLine(error.Message);
    Console.Error.WriteLine("Gpt2Cluster.Silo --help shows all options.");
    return 2;
}
